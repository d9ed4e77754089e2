import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ObjectiveSpec } from '@srdit/crds';
import type { ModelConfig } from '../model/config.ts';
import { sit, type Parameters, type SitOptions } from '../model/sit.ts';
import { withGradient } from '../model/layers.ts';
import type { TrainingDraws } from './draws.ts';
import { coefficients, interpolant, velocity, type Coefficients } from './interpolant.ts';
import { shiftFactor, trainingTimes } from './timeShift.ts';

export interface TrainingBatch {
  /** Latents in model space [B, C, S, S]. */
  readonly latents: Tensor;
  /** [B] int32 */
  readonly labels: Tensor;
  /** Class feature of the teacher [B, Z]; with a class token only. */
  readonly cls?: Tensor | undefined;
  /** Features of each teacher, class feature first: [B, N + 1, Z_j]; with alignment only. */
  readonly features?: readonly Tensor[] | undefined;
}

/** Scalars, without their coefficients except for total; a technique that is off gives 0. */
export interface Losses {
  /** denoise + coefficients x the others */
  readonly total: Tensor;
  readonly denoise: Tensor;
  readonly alignment: Tensor;
  readonly classToken: Tensor;
  readonly contrastive: Tensor;
}

export interface ObjectiveOptions extends SitOptions {
  readonly timeTable?: Tensor | undefined;
}

/** The training loss of one micro-batch (spec 3): velocity prediction, alignment with the teacher, the class token's
 *  velocity, and contrastive flow matching, each a mean over the local batch. */
export function objective(
  p: Parameters, config: ModelConfig, spec: ObjectiveSpec, batch: TrainingBatch, draws: TrainingDraws, options: ObjectiveOptions = {},
): Losses {
  const { latents, labels } = batch;
  const probe = options.probe ?? (() => undefined);
  const t = trainingTimes(draws.time, spec, shiftFactor(config, spec.timeShift));
  probe('t', t);
  const path = coefficients(spec.path, t);
  const { xt, velocity: target } = interpolant(latents, draws.noise, path);
  const times = tf.reshape(t, [-1]);
  const classState = classTokenState(config, batch, draws, spec, times);

  const out = sit(p, config, { x: xt, t: times, y: labels, cls: classState?.noised, timeTable: options.timeTable },
    draws.network === undefined ? { kind: 'eval' } : { kind: 'train', draws: draws.network }, options);
  probe('model_input', xt);
  probe('v', out.v);
  if (classState !== undefined) probe('cls_input', classState.noised);
  if (out.cls !== undefined) probe('cls', out.cls);
  out.zs.forEach((z, j) => probe(`zs${j}`, z));

  const denoise = tf.mean(tf.square(tf.sub(out.v, target)));
  const alignment = out.zs.length > 0 ? alignmentLoss(out.zs, batch.features ?? []) : tf.scalar(0);
  const classToken = classState !== undefined && out.cls !== undefined
    ? classTokenLoss(out.cls, batch.cls as Tensor, draws.classNoise as Tensor, spec, times) : tf.scalar(0);
  const contrastive = spec.contrastive.coefficient > 0
    ? contrastiveLoss(out.v, target, spec.contrastive.weighting === 'linear' ? t : undefined) : tf.scalar(0);
  const parts = [
    denoise,
    ...(out.zs.length > 0 ? [tf.mul(alignment, spec.alignment.coefficient)] : []),
    ...(classState !== undefined ? [tf.mul(classToken, spec.classToken.coefficient)] : []),
    ...(spec.contrastive.coefficient > 0 ? [tf.mul(contrastive, spec.contrastive.coefficient)] : []),
  ];
  return { total: parts.length === 1 ? denoise : tf.addN(parts), denoise, alignment, classToken, contrastive };
}

/** The class feature noised at the same times, with its own noise. [B, Z]; undefined without a class token. */
function classTokenState(config: ModelConfig, batch: TrainingBatch, draws: TrainingDraws, spec: ObjectiveSpec, times: Tensor): { noised: Tensor } | undefined {
  if (config.classTokenWidth === 0) return undefined;
  if (batch.cls === undefined || draws.classNoise === undefined) {
    throw new TypeError(`Cannot compute the loss: the model has a class token and ${batch.cls === undefined ? 'batch.cls' : 'draws.classNoise'} is missing. Pass it as [batch, ${config.classTokenWidth}]`);
  }
  const path = coefficients(spec.path, tf.reshape(times, [-1, 1]));
  return { noised: interpolant(batch.cls, draws.classNoise, path).xt };
}

/** Minus the mean cosine similarity of projected tokens and teacher features, over tokens, batch and teachers (REPA,
 *  arXiv 2410.06940). projected: [B, T, Z_j]; features: [B, N + 1, Z_j], no gradient. */
export function alignmentLoss(projected: readonly Tensor[], features: readonly Tensor[]): Tensor {
  const losses = projected.map((z, j) => {
    const given = features[j];
    if (given === undefined) throw new TypeError(`Cannot align: features of teacher ${j} are missing. Pass ${projected.length} feature tensors in batch.features`);
    const [batch = 0, tokens = 0, width = 0] = z.shape;
    // A model without class token has no token for the teacher's class feature, the first.
    const feature = given.shape[1] === tokens ? given : tf.slice(given, [0, 1, 0], [batch, tokens, width]);
    return tf.neg(tf.mean(tf.sum(tf.mul(normalized(feature), normalized(z)), -1)));
  });
  return losses.length === 1 ? losses[0] as Tensor : tf.div(tf.addN(losses), losses.length);
}

/** a / max(||a||, 1e-12) over the last axis. */
function normalized(a: Tensor): Tensor {
  return withGradient(([input], save) => {
    const inverse = tf.minimum(tf.rsqrt(tf.sum(tf.square(input as Tensor), -1, true)), 1e12);
    const value = tf.mul(input as Tensor, inverse);
    save([value, inverse]);
    // With n = a r: da = r (dy - n <dy, n>).
    return { value, gradient: (dy, [n, r]) => [tf.mul(tf.sub(dy, tf.mul(n as Tensor, tf.sum(tf.mul(dy, n as Tensor), -1, true))), r as Tensor)] };
  }, [a]);
}

/** Mean over all elements of -(v - roll(target))^2 q: away from the neighbour's velocity (contrastive flow matching, arXiv
 *  2506.05350). The neighbour is the one before in the local batch, whatever its label (a quirk that we keep).
 *  weight q: the anchor's t, [B, 1, 1, 1], or 1. */
export function contrastiveLoss(v: Tensor, target: Tensor, weight?: Tensor): Tensor {
  const squares = tf.square(tf.sub(v, rolled(target)));
  return tf.neg(tf.mean(weight === undefined ? squares : tf.mul(squares, weight)));
}

/** rolled(u)[b] = u[(b - 1) mod B]. */
function rolled(u: Tensor): Tensor {
  const [batch = 0] = u.shape;
  if (batch === 1) return u;
  const [head, last] = tf.split(u, [batch - 1, 1], 0) as [Tensor, Tensor];
  return tf.concat([last, head], 0);
}

/** Targets of the class token: [B, Z], or with the reference's broadcast on the cosine path [B, B, Z], where row i holds
 *  every sample's target at the derivative of time i. */
function classTokenTarget(cls: Tensor, noise: Tensor, spec: Pick<ObjectiveSpec, 'path' | 'classToken'>, times: Tensor): Tensor {
  const broadcast = spec.path === 'cosine' && spec.classToken.target === 'broadcast';
  const path: Coefficients = coefficients(spec.path, tf.reshape(times, broadcast ? [-1, 1, 1] : [-1, 1]));
  return velocity(cls, noise, path);
}

/** Mean squared error of the class feature's velocity. predicted, cls, noise: [B, Z]; times: [B]. */
export function classTokenLoss(predicted: Tensor, cls: Tensor, noise: Tensor, spec: Pick<ObjectiveSpec, 'path' | 'classToken'>, times: Tensor): Tensor {
  return tf.mean(tf.square(tf.sub(predicted, classTokenTarget(cls, noise, spec, times))));
}

/** The contrastive term of the class token: the reference computes it and never adds it to the total; here for those
 *  who want to log it. With linear weighting on the linear path the reference's shapes broadcast to mean(t) mean(square). */
export function classTokenContrastive(predicted: Tensor, cls: Tensor, noise: Tensor, spec: Pick<ObjectiveSpec, 'path' | 'classToken' | 'contrastive'>, times: Tensor): Tensor {
  const squares = tf.square(tf.sub(predicted, rolled(classTokenTarget(cls, noise, spec, times))));
  if (spec.contrastive.weighting === 'uniform') return tf.neg(tf.mean(squares));
  const perRow = spec.path === 'linear' ? tf.mean(squares) : tf.mean(squares, Array.from({ length: squares.rank - 1 }, (_, i) => i + 1));
  return tf.neg(tf.mean(tf.mul(perRow, times)));
}
