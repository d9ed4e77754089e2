import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ObjectiveSpec } from '@srdit/crds';

export type Path = ObjectiveSpec['path'];

/** A path x_t = alpha x + sigma noise and its derivative by t. Tensors of t's shape; the linear path's derivatives are numbers. */
export interface Coefficients { readonly alpha: Tensor; readonly sigma: Tensor; readonly dAlpha: Tensor | number; readonly dSigma: Tensor | number }

/** linear: alpha = 1 - t, sigma = t. cosine: alpha = cos(pi t / 2), sigma = sin(pi t / 2). t = 0 is data, t = 1 noise. */
export function coefficients(path: Path, t: Tensor): Coefficients {
  if (path === 'linear') return { alpha: tf.sub(1, t), sigma: t, dAlpha: -1, dSigma: 1 };
  const angle = tf.mul(t, Math.PI / 2);
  const alpha = tf.cos(angle);
  const sigma = tf.sin(angle);
  return { alpha, sigma, dAlpha: tf.mul(sigma, -Math.PI / 2), dSigma: tf.mul(alpha, Math.PI / 2) };
}

/** Noised sample alpha x + sigma noise and the velocity to predict, alpha' x + sigma' noise.
 *  x, noise: [B, ...]; coefficients broadcast against them. */
export function interpolant(x: Tensor, noise: Tensor, { alpha, sigma, dAlpha, dSigma }: Coefficients): { xt: Tensor; velocity: Tensor } {
  return { xt: tf.add(tf.mul(alpha, x), tf.mul(sigma, noise)), velocity: velocity(x, noise, { dAlpha, dSigma }) };
}

/** alpha' x + sigma' noise; noise - x on the linear path. */
export function velocity(x: Tensor, noise: Tensor, { dAlpha, dSigma }: Pick<Coefficients, 'dAlpha' | 'dSigma'>): Tensor {
  return dAlpha === -1 && dSigma === 1 ? tf.sub(noise, x) : tf.add(tf.mul(dAlpha, x), tf.mul(dSigma, noise));
}
