import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { headWidth, patchCount, type ModelConfig } from './config.ts';
import type { Parameters } from './sit.ts';
import { rotaryTable } from './tables.ts';

/** Rotations of tokens, ready to broadcast over [B, n, 2, H, e]: cos and signed sin (-sin for the even dims, +sin for
 *  the odd ones), each [1 or B, n, 1, 1, e]. */
export interface Rotation { readonly cos: Tensor; readonly sin: Tensor }

/** Rows for all T tokens, [T, e] each. The class token is not turned. */
export function rotationRows(p: Parameters, config: ModelConfig): Rotation {
  const e = headWidth(config);
  const shape: [number, number] = [patchCount(config), e];
  const table = p['feat_rope.freqs_cos'] !== undefined && p['feat_rope.freqs_sin'] !== undefined ? undefined : rotaryTable(config);
  const cos = p['feat_rope.freqs_cos'] ?? tf.tensor((table as { cos: Float32Array }).cos, shape);
  const sin = p['feat_rope.freqs_sin'] ?? tf.tensor((table as { sin: Float32Array }).sin, shape);
  const signs = tf.tensor(Float32Array.from({ length: e }, (_, i) => i % 2 === 0 ? -1 : 1), [1, e]);
  const signed = tf.mul(sin, signs);
  if (config.classTokenWidth === 0) return { cos, sin: signed };
  return { cos: tf.concat([tf.ones([1, e]), cos], 0), sin: tf.concat([tf.zeros([1, e]), signed], 0) };
}

/** The rows as they are, for passes that see every token. */
export function rotationOfAll(rows: Rotation): Rotation {
  const [tokens = 0, e = 0] = rows.cos.shape;
  return { cos: tf.reshape(rows.cos, [1, tokens, 1, 1, e]), sin: tf.reshape(rows.sin, [1, tokens, 1, 1, e]) };
}

/** The rows of kept tokens, which keep their positions: [B, n] int32. */
export function rotationOf(rows: Rotation, positions: Tensor): Rotation {
  const [batch = 0, kept = 0] = positions.shape;
  const shape = [batch, kept, 1, 1, rows.cos.shape[1] as number];
  const flat = tf.reshape(positions, [-1]);
  return { cos: tf.reshape(tf.gather(rows.cos, flat), shape), sin: tf.reshape(tf.gather(rows.sin, flat), shape) };
}

/** Turns interleaved pairs (RoPE, Su et al., arXiv 2104.09864): (a, b) -> (a cos - b sin, b cos + a sin).
 *  x: [B, n, 2, H, e]. As elementwise arithmetic on x and x with its pairs swapped. */
export function rotate(x: Tensor, { cos, sin }: Rotation): Tensor {
  const e = x.shape[x.rank - 1] as number;
  const swapped = tf.reshape(tf.reverse(tf.reshape(x, [-1, e / 2, 2]), 2), x.shape);
  return tf.add(tf.mul(x, cos), tf.mul(swapped, sin));
}
