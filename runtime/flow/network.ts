import type { Engine, Variable } from '../engine/types.ts';
import type { ModelConfig } from '../model/config.ts';

export interface NetworkInput {
  /** State [batch, C, S, S] and class state [batch, Z] (length 0 without a class token), float64: rounded to the network's type here. */
  readonly x: Float64Array;
  readonly cls: Float64Array;
  readonly t: number;
  /** [batch] */
  readonly labels: Int32Array;
}
/** v [batch, C, S, S], cls [batch, Z]. */
export interface Velocity { readonly v: Float64Array; readonly cls: Float64Array }

/** The network as the sampler sees it: fixed batch, host arrays in and out. */
export interface Network extends Disposable {
  readonly batch: number;
  /** Velocity given the labels. */
  conditional(input: NetworkInput): Promise<Velocity>;
  /** Velocity given the labels, and given the null label (path dropped or not, as compiled). */
  guided(input: NetworkInput): Promise<{ readonly conditional: Velocity; readonly unconditional: Velocity }>;
}

export interface NetworkOptions {
  /** Path-drop guidance: the unconditional evaluation drops the routed path. Plain where the model has no routing. */
  readonly pathDrop: boolean;
  /** Whether guided() will be called. */
  readonly guided: boolean;
  readonly precision?: 'float32' | 'float64' | 'bfloat16';
  /** Op by op instead of compiled, to look inside. */
  readonly eager?: boolean;
}

/** variables: by state-dict name (weights or their average). They stay the caller's. */
export declare function compileNetwork(engine: Engine, variables: Readonly<Record<string, Variable>>, config: ModelConfig, batch: number, options: NetworkOptions): Network;
