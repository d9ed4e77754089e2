import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { OptimizerSpec } from '@srdit/crds';

/** Numbers of one AdamW step that change with the step. The powers of beta need float64 (1 - 0.999^1 in float32 is wrong
 *  in the fifth digit), so they come from the host: numbers, or scalar tensors fed to a compiled function. */
export interface AdamScalars {
  /** 1 - learning rate x weight decay */
  readonly keep: number | Tensor;
  /** learning rate / (1 - beta1^k) */
  readonly stepSize: number | Tensor;
  /** 1 / sqrt(1 - beta2^k) */
  readonly rootScale: number | Tensor;
}

export type AdamSpec = Pick<OptimizerSpec, 'beta1' | 'beta2' | 'epsilon'>;

/** Scalars of optimizer step k = 1, 2, ... at this learning rate. */
export function adamScalars(spec: AdamSpec & Pick<OptimizerSpec, 'weightDecay'>, learningRate: number, k: number): { keep: number; stepSize: number; rootScale: number } {
  return {
    keep: 1 - learningRate * spec.weightDecay,
    stepSize: learningRate / (1 - spec.beta1 ** k),
    rootScale: 1 / Math.sqrt(1 - spec.beta2 ** k),
  };
}

export interface AdamState { readonly param: Tensor; readonly m: Tensor; readonly v: Tensor }

/** One step of AdamW with decoupled weight decay (Loshchilov & Hutter, arXiv 1711.05101), all tensors of one shape:
 *  p <- p keep; m, v <- averages of g, g^2; p <- p - stepSize m / (sqrt(v) rootScale + epsilon). */
export function adamw(state: AdamState, gradient: Tensor, scalars: AdamScalars, spec: AdamSpec): AdamState {
  const m = tf.add(state.m, tf.mul(tf.sub(gradient, state.m), 1 - spec.beta1));
  const v = tf.add(tf.mul(state.v, spec.beta2), tf.mul(tf.square(gradient), 1 - spec.beta2));
  const step = tf.div(tf.mul(m, scalars.stepSize), tf.add(tf.mul(tf.sqrt(v), scalars.rootScale), spec.epsilon));
  return { param: tf.sub(scalars.keep === 1 ? state.param : tf.mul(state.param, scalars.keep), step), m, v };
}

/** Global L2 norm over all gradients, and the factor that brings it down to maxNorm: min(1, maxNorm / (norm + 1e-6)).
 *  Both scalars. The norm is the one before clipping, the one that is logged. */
export function clipScale(gradients: readonly Tensor[], maxNorm: number): { norm: Tensor; scale: Tensor } {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(squares.length === 1 ? squares[0] as Tensor : tf.addN(squares));
  return { norm, scale: tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1) };
}

/** ema <- decay ema + (1 - decay) param. */
export function emaUpdate(ema: Tensor, param: Tensor, decay: number): Tensor {
  return tf.add(tf.mul(ema, decay), tf.mul(param, 1 - decay));
}
