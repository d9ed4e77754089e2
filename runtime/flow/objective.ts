import type { Tensor } from '@tensorflow/tfjs-core';
import type { ObjectiveSpec } from '@srdit/crds';
import type { ModelConfig } from '../model/config.ts';
import type { Parameters, Probe } from '../model/sit.ts';
import type { TrainingDraws } from './draws.ts';

export interface TrainingBatch {
  /** Latents in model space [B, C, S, S]. */
  readonly latents: Tensor;
  /** [B] int32 */
  readonly labels: Tensor;
  /** Class feature of the teacher [B, Z]; with a class token only. */
  readonly cls?: Tensor;
  /** Features of each teacher [B, T, Z_j], class feature first; with alignment only. */
  readonly features?: readonly Tensor[];
}

/** Scalars. All but total are without their coefficients; a technique that is off gives 0. */
export interface Losses {
  readonly total: Tensor;
  readonly denoise: Tensor;
  readonly alignment: Tensor;
  readonly classToken: Tensor;
  readonly contrastive: Tensor;
}

export declare function objective(p: Parameters, config: ModelConfig, spec: ObjectiveSpec, batch: TrainingBatch, draws: TrainingDraws, probe?: Probe): Losses;
