import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { headWidth, type ModelConfig } from './config.ts';
import { gelu, linear, modulatedNorm, rmsNorm } from './layers.ts';
import { parameter } from './parameters.ts';
import { rotate, type Rotation } from './rotary.ts';
import type { Parameters, Probe } from './sit.ts';

/** Epsilon of query and key norm: the machine epsilon of float32. (The reference takes that of the compute type; in
 *  float64 the difference is below 1e-7 of the variance, which float64 parity sees, hence the argument.) */
export const QK_EPSILON = 1.1920928955078125e-7;

export interface BlockContext {
  /** silu of the condition, [B, h]. */
  readonly condition: Tensor;
  /** Rotation of the tokens that the block sees; absent without RoPE. */
  readonly rotation?: Rotation | undefined;
  /** Raw values of block 0 at the tokens that the block sees, [B, n, h]; absent in block 0 and without value residual. */
  readonly firstValue?: Tensor | undefined;
  readonly qkEpsilon: number;
}

/** Block i of the transformer (spec 2.7): adaLN-zero attention and MLP. x: [B, n, h] -> x, and the block's own values
 *  before mixing, [B, n, h]. */
export function block(p: Parameters, config: ModelConfig, index: number, x: Tensor, context: BlockContext, probe: Probe): { x: Tensor; value: Tensor } {
  const name = `blocks.${index}`;
  const [shift1, scale1, gate1, shift2, scale2, gate2] = modulation(p, `${name}.adaLN_modulation.1`, context.condition, 6) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const attended = attention(p, config, index, modulatedNorm(x, shift1, scale1), context);
  probe(`block${index}.attn`, attended.x);
  const middle = tf.add(x, tf.mul(gate1, attended.x));
  const inner = gelu(linear(modulatedNorm(middle, shift2, scale2), parameter(p, `${name}.mlp.fc1.weight`), parameter(p, `${name}.mlp.fc1.bias`)));
  const mlp = linear(inner, parameter(p, `${name}.mlp.fc2.weight`), parameter(p, `${name}.mlp.fc2.bias`));
  probe(`block${index}.mlp`, mlp);
  const out = tf.add(middle, tf.mul(gate2, mlp));
  probe(`block${index}`, out);
  return { x: out, value: attended.value };
}

/** `count` modulations [B, 1, h] from the condition [B, h], in the order of the weight's rows. */
export function modulation(p: Parameters, name: string, condition: Tensor, count: number): Tensor[] {
  const all = linear(condition, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`));
  const [batch = 0, width = 0] = all.shape;
  return tf.split(tf.reshape(all, [batch, 1, width]), count, 2);
}

/** Multi-head attention with normed, rotated queries and keys and the value residual (spec 2.5, 2.6). */
function attention(p: Parameters, config: ModelConfig, index: number, x: Tensor, context: BlockContext): { x: Tensor; value: Tensor } {
  const name = `blocks.${index}.attn`;
  const { hiddenSize: h, heads } = config;
  const e = headWidth(config);
  const [batch = 0, tokens = 0] = x.shape;
  const qkv = linear(x, parameter(p, `${name}.qkv.weight`), parameter(p, `${name}.qkv.bias`));
  const [flatQk, value] = tf.split(qkv, [2 * h, h], 2) as [Tensor, Tensor];
  let qk = tf.reshape(flatQk, [batch, tokens, 2, heads, e]);
  const scale = 1 / Math.sqrt(e);
  if (config.qkNorm) {
    // The scale of the scores rides on the queries' weight: e numbers instead of n^2.
    const weights = tf.concat([tf.mul(parameter(p, `${name}.q_norm.weight`), scale), parameter(p, `${name}.k_norm.weight`)], 0);
    qk = tf.mul(rmsNorm(qk, context.qkEpsilon), tf.reshape(weights, [1, 1, 2, 1, e]));
  }
  if (context.rotation !== undefined) qk = rotate(qk, context.rotation);
  const byHead = tf.transpose(qk, [2, 0, 3, 1, 4]);
  const [q, k] = tf.split(byHead, 2, 0).map((part) => tf.reshape(part, [batch, heads, tokens, e])) as [Tensor, Tensor];

  const mixed = context.firstValue === undefined
    ? value
    // lambda V1 + (1 - lambda) v
    : tf.add(value, tf.mul(tf.sub(context.firstValue, value), parameter(p, `${name}.v1_lambda`)));
  const v = tf.transpose(tf.reshape(mixed, [batch, tokens, heads, e]), [0, 2, 1, 3]);
  const scores = tf.matMul(q, k, false, true);
  const weights = tf.softmax(config.qkNorm ? scores : tf.mul(scores, scale));
  const together = tf.reshape(tf.transpose(tf.matMul(weights, v), [0, 2, 1, 3]), [batch, tokens, h]);
  return { x: linear(together, parameter(p, `${name}.proj.weight`), parameter(p, `${name}.proj.bias`)), value };
}
