import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { withGradient } from './layers.ts';

/** SPRINT's token dropping: which tokens the routed blocks see, and the way back. Both directions and both gradients are
 *  gathers: XLA turns a scatter into a serial loop on CPUs and into atomics on GPUs. */
export interface Route {
  readonly tokens: number;
  readonly kept: number;
  /** Positions of the kept tokens, in the order of their draws: [B, kept] int32. */
  readonly positions: Tensor;
  /** The same as rows of [B T, h]: [B kept] int32. */
  readonly rows: Tensor;
  /** For each of the B T tokens its row of [B (kept + 1), h]; a dropped token has the last row of its sample. */
  readonly back: Tensor;
  /** 1 where a token is dropped: [1, B T]. */
  readonly dropped: Tensor;
}

/** Keeps the tokens with the smallest draws, ascending (the reference leaves them shuffled; so do we).
 *  draws: [B, T] uniforms. */
export function routeTokens(draws: Tensor, kept: number): Route {
  const [batch = 0, tokens = 0] = draws.shape;
  const order = tf.topk(tf.neg(draws), tokens, true).indices;
  // The rank of each token is the inverse permutation, which is the order that sorts the order.
  const ranks = tf.topk(tf.neg(tf.cast(order, 'float32')), tokens, true).indices;
  const positions = tf.slice(order, [0, 0], [batch, kept]);
  const firstRow = (stride: number) => tf.tensor(Int32Array.from({ length: batch }, (_, b) => b * stride), [batch, 1], 'int32');
  return {
    tokens, kept, positions,
    rows: tf.reshape(tf.add(positions, firstRow(tokens)), [-1]),
    back: tf.reshape(tf.add(tf.minimum(ranks, tf.scalar(kept, 'int32')), firstRow(kept + 1)), [-1]),
    dropped: tf.reshape(tf.cast(tf.greaterEqual(ranks, tf.scalar(kept, 'int32')), 'float32'), [1, -1]),
  };
}

/** [B, T, h] -> [B, kept, h]. */
export function keepTokens(x: Tensor, route: Route): Tensor {
  const [batch = 0, , width = 0] = x.shape;
  return withGradient(([input], save) => {
    save([route.back]);
    return {
      value: tf.reshape(tf.gather(tf.reshape(input as Tensor, [-1, width]), route.rows), [batch, route.kept, width]),
      gradient: (dy, [back]) => {
        const padded = tf.reshape(tf.concat([dy, tf.zeros([batch, 1, width])], 1), [-1, width]);
        return [tf.reshape(tf.gather(padded, back as Tensor), [batch, route.tokens, width])];
      },
    };
  }, [x]);
}

/** [B, kept, h] back in its places among T, the mask token [1, 1, h] where tokens were dropped. */
export function restoreTokens(x: Tensor, maskToken: Tensor, route: Route): Tensor {
  const [batch = 0, , width = 0] = x.shape;
  return withGradient(([input, mask], save) => {
    save([route.rows, route.dropped]);
    const padded = tf.concat([input as Tensor, tf.tile(mask as Tensor, [batch, 1, 1])], 1);
    return {
      value: tf.reshape(tf.gather(tf.reshape(padded, [-1, width]), route.back), [batch, route.tokens, width]),
      gradient: (dy, [rows, dropped]) => {
        const flat = tf.reshape(dy, [-1, width]);
        return [
          tf.reshape(tf.gather(flat, rows as Tensor), [batch, route.kept, width]),
          tf.reshape(tf.matMul(dropped as Tensor, flat), [1, 1, width]),
        ];
      },
    };
  }, [x, maskToken]);
}

/** Path drop: the whole middle path is replaced by the mask token. As arithmetic on keep (1 or 0), so that the dropped
 *  path's gradient is zero but present, as in the reference: its weights still move by their momentum.
 *  draw: [1] uniform. */
export function dropPath(x: Tensor, maskToken: Tensor, draw: Tensor, probability: number): Tensor {
  const keep = tf.cast(tf.greaterEqual(draw, probability), 'float32');
  return tf.add(tf.mul(x, keep), tf.mul(maskToken, tf.sub(1, keep)));
}
