import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ModelConfig } from './config.ts';
import { linear, NORM_EPSILON, rmsNorm, silu } from './layers.ts';
import type { Parameters, Probe, SitInput, SitMode } from './sit.ts';
import { positionTable, TIME_FREQUENCIES, timeFrequencies } from './tables.ts';
import { parameter } from './parameters.ts';

/** Patches in row-major order; inside a patch channel is slowest, then row, then column.
 *  [B, C, S, S] -> [B, N, C p p]. */
export function patchify(x: Tensor, patchSize: number): Tensor {
  const [batch = 0, channels = 0, side = 0] = x.shape;
  const grid = side / patchSize;
  if (patchSize === 1) return tf.transpose(tf.reshape(x, [batch, channels, grid * grid]), [0, 2, 1]);
  const cut = tf.reshape(x, [batch, channels, grid, patchSize, grid, patchSize]);
  return tf.reshape(tf.transpose(cut, [0, 2, 4, 1, 3, 5]), [batch, grid * grid, channels * patchSize * patchSize]);
}

/** The other way, but inside a patch channel is fastest (a quirk of DiT): [B, N, p p C] -> [B, C, S, S]. */
export function unpatchify(tokens: Tensor, patchSize: number, channels: number): Tensor {
  const [batch = 0, count = 0] = tokens.shape;
  const grid = Math.round(Math.sqrt(count));
  if (patchSize === 1) return tf.reshape(tf.transpose(tokens, [0, 2, 1]), [batch, channels, grid, grid]);
  const cut = tf.reshape(tokens, [batch, grid, grid, patchSize, patchSize, channels]);
  return tf.reshape(tf.transpose(cut, [0, 5, 1, 3, 2, 4]), [batch, channels, grid * patchSize, grid * patchSize]);
}

/** Tokens with their positions [B, T, h]: the normed class token first, then the patches (spec 2.1 to 2.3). */
export function embedTokens(p: Parameters, config: ModelConfig, input: SitInput, probe: Probe): Tensor {
  const { hiddenSize, patchSize, channels, classTokenWidth } = config;
  const filter = tf.reshape(parameter(p, 'x_embedder.proj.weight'), [hiddenSize, channels * patchSize * patchSize]);
  const patches = linear(patchify(input.x, patchSize), filter, parameter(p, 'x_embedder.proj.bias'));
  probe('patch_tokens', patches);
  const positions = p.pos_embed ?? tf.tensor(positionTable(config), [1, patches.shape[1] as number + (classTokenWidth > 0 ? 1 : 0), hiddenSize]);
  if (classTokenWidth === 0) return tf.add(patches, positions);
  if (input.cls === undefined) throw new TypeError(`Cannot run the model: it has a class token of width ${classTokenWidth} and cls is missing. Pass cls [batch, ${classTokenWidth}]`);
  const projected = linear(input.cls, parameter(p, 'cls_projectors2.weight'), parameter(p, 'cls_projectors2.bias'));
  probe('cls_projected', projected);
  const normed = tf.mul(rmsNorm(projected, NORM_EPSILON), parameter(p, 'wg_norm.weight'));
  probe('cls_normed', normed);
  return tf.add(tf.concat([tf.expandDims(normed, 1), patches], 1), positions);
}

/** What every block is conditioned on: time plus label, c [B, h] (spec 2.4). While training a label is replaced by the
 *  null label where its draw is below labelDropProb. */
export function embedCondition(p: Parameters, config: ModelConfig, input: SitInput, mode: SitMode, probe: Probe): Tensor {
  const table = input.timeTable ?? timeEmbedding(input.t);
  probe('t_freq', table);
  const hidden = silu(linear(table, parameter(p, 't_embedder.mlp.0.weight'), parameter(p, 't_embedder.mlp.0.bias')));
  const time = linear(hidden, parameter(p, 't_embedder.mlp.2.weight'), parameter(p, 't_embedder.mlp.2.bias'));
  probe('t_embed', time);
  const labels = mode.kind === 'train'
    ? tf.where(tf.less(mode.draws.labelDrop, config.labelDropProb), tf.scalar(config.numClasses, 'int32'), input.y)
    : input.y;
  const label = tf.gather(parameter(p, 'y_embedder.embedding_table.weight'), labels);
  probe('y_embed', label);
  return tf.add(time, label);
}

/** [B] -> [B, 256]: [cos(t f).., sin(t f)..]. */
function timeEmbedding(t: Tensor | undefined): Tensor {
  if (t === undefined) throw new TypeError('Cannot run the model: the times are missing. Pass t [batch] or timeTable');
  const angles = tf.mul(tf.reshape(t, [-1, 1]), tf.tensor(timeFrequencies(), [1, TIME_FREQUENCIES]));
  return tf.concat([tf.cos(angles), tf.sin(angles)], 1);
}
