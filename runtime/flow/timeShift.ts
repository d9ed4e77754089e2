import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ObjectiveSpec } from '@srdit/crds';
import type { ModelConfig } from '../model/config.ts';

/** m = sqrt(C S S / base): a larger latent needs more noise for the same loss of information (Esser et al., arXiv
 *  2403.03206). 1 when the shift is off. */
export function shiftFactor(config: Pick<ModelConfig, 'channels' | 'latentSize'>, timeShift: ObjectiveSpec['timeShift']): number {
  return timeShift.enabled ? Math.sqrt(config.channels * config.latentSize ** 2 / timeShift.base) : 1;
}

/** t <- m t / (1 + (m - 1) t), clamped to [0, 1]; 0 and 1 stay. */
export function shiftTime(t: number, factor: number): number {
  return factor === 1 ? t : Math.min(1, Math.max(0, factor * t / (1 + (factor - 1) * t)));
}

/** Training times [B, 1, 1, 1] from their draws: uniform as drawn; lognormal s = exp(n), t = s / (1 + s) on the linear path
 *  and (2 / pi) atan(s) on the cosine path; then shifted. */
export function trainingTimes(draw: Tensor, spec: Pick<ObjectiveSpec, 'path' | 'timeSampling'>, factor: number): Tensor {
  let t = draw;
  if (spec.timeSampling === 'lognormal') {
    const s = tf.exp(draw);
    t = spec.path === 'linear' ? tf.div(s, tf.add(s, 1)) : tf.mul(tf.atan(s), 2 / Math.PI);
  }
  return factor === 1 ? t : tf.clipByValue(tf.div(tf.mul(t, factor), tf.add(tf.mul(t, factor - 1), 1)), 0, 1);
}
