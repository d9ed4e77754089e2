import type { Tensor } from '@tensorflow/tfjs-core';
import type { ModelConfig } from './config.ts';

/** Tensors by state-dict name, in the reference's layouts. */
export type Parameters = Readonly<Record<string, Tensor>>;

export interface SitInput {
  /** Noised latent [B, C, S, S]. */
  readonly x: Tensor;
  /** Times [B], 0 = data, 1 = noise. */
  readonly t: Tensor;
  /** Labels [B] int32; numClasses is the null label. */
  readonly y: Tensor;
  /** Noised class feature [B, Z]; with a class token only. */
  readonly cls?: Tensor;
  /** Time table [B, 256] to use instead of the one computed from t (float64 parity: the reference's stays float32). */
  readonly timeTable?: Tensor;
}

/** Uniforms of [0, 1) that decide what a training pass drops. */
export interface NetworkDraws {
  /** [B] */
  readonly labelDrop: Tensor;
  /** [B, T] */
  readonly tokens: Tensor;
  /** [1], the same on every rank */
  readonly pathDrop: Tensor;
}

export type SitMode =
  | { readonly kind: 'train'; readonly draws: NetworkDraws }
  /** uncond: the routed path is dropped for the whole batch (path-drop guidance). */
  | { readonly kind: 'eval'; readonly uncond?: boolean };

export interface SitOutput {
  /** Velocity [B, C, S, S]. */
  readonly v: Tensor;
  /** Projected features [B, T, Z_j], one per teacher; [] without alignment. */
  readonly zs: readonly Tensor[];
  /** Velocity of the class feature [B, Z]; with a class token only. */
  readonly cls?: Tensor;
}
/** Called with intermediate values, to look inside. */
export type Probe = (name: string, value: Tensor) => void;

export declare function sit(p: Parameters, config: ModelConfig, input: SitInput, mode: SitMode, probe?: Probe): SitOutput;
