import type { ObjectiveSpec, SamplerSpec } from '@srdit/crds';
import type { ModelConfig } from '../model/config.ts';
import type { Network } from './network.ts';
import type { NoiseSource } from './noise.ts';

export interface SamplingOptions {
  readonly sampler: SamplerSpec;
  /** As in training: spec.objective.timeShift and .path. */
  readonly timeShift: ObjectiveSpec['timeShift'];
  readonly path: ObjectiveSpec['path'];
}

export interface SamplingRequest {
  /** Global indices of the pictures, at most network.batch: they key the noise. */
  readonly pictures: readonly number[];
  /** Class of each picture. */
  readonly labels: readonly number[];
  readonly seed: number;
  /** Default: pictureNoise(seed). */
  readonly noise?: NoiseSource;
}

/** State before a step (or, at the end, step = steps): x [B, C, S, S] and the class state [B, Z], valid during the call. */
export type OnStep = (at: { readonly step: number; readonly steps: number; readonly t: number; readonly x: Float64Array; readonly cls: Float64Array }) => void;

/** Latents in model space [pictures, C, S, S], row-major. */
export declare function sample(network: Network, config: ModelConfig, options: SamplingOptions, request: SamplingRequest, onStep?: OnStep): Promise<Float64Array>;
