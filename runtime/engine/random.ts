/** Random numbers of the stateless philox generator, on whichever backend tfjs runs. TensorFlow's own float draws take
 *  other bits of a word under XLA than outside of it; the words are the same, so floats are made of them here. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { RandomKey, Shape } from './types.ts';
import { Attr } from './addon.ts';
import { elements, TF } from './dtype.ts';
import { EngineError } from './errors.ts';
import { nodeBackend, tf, type Metadata, type NodeBackend, type OpAttribute } from './tfjs.ts';

/** TensorFlow's number of the algorithm. Left to choose, it takes another one under XLA. */
const PHILOX = 1;

/** Uniform of [0, 1): multiples of 2^-24, the same everywhere to the bit. */
export function randomUniform(key: RandomKey, shape: Shape): Tensor {
  return tf.tidy(() => tf.mul(tf.cast(bits24(key, shape), 'float32'), 2 ** -24));
}

/** Standard normal by Box and Muller's transform: the same everywhere but for the last place of its functions. */
export function randomNormal(key: RandomKey, shape: Shape): Tensor {
  return tf.tidy(() => {
    const count = elements(shape);
    const half = Math.ceil(count / 2);
    const [first, second] = tf.unstack(tf.cast(bits24(key, [2, half]), 'float32')) as [Tensor, Tensor];
    // (0, 1], so that the logarithm is finite.
    const radius = tf.sqrt(tf.mul(tf.log(tf.mul(tf.add(first, 1), 2 ** -24)), -2));
    const angle = tf.mul(second, 2 * Math.PI * 2 ** -24);
    const pairs = tf.concat([tf.mul(radius, tf.cos(angle)), tf.mul(radius, tf.sin(angle))]);
    return tf.reshape(count === 2 * half ? pairs : tf.slice(pairs, [0], [count]), [...shape]);
  });
}

/** FNV-1a of the purpose's UTF-8 bytes, as int32. */
export function purposeHash(purpose: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(purpose)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

/** The upper 24 bits of philox words, int32. Key = (purpose, seed), counter = (0, step): each purpose has a key and each
 *  step 2^64 blocks of its own. */
function bits24({ seed, step, purpose }: RandomKey, shape: Shape): Tensor {
  const word = (value: number | Tensor): Tensor => tf.reshape(typeof value === 'number' ? tf.scalar(value | 0, 'int32') : tf.cast(value, 'int32'), [1]);
  const zero = word(0);
  const key = words(tf.reshape(tf.concat([word(purposeHash(purpose)), word(seed)]), [1, 2]));
  const counter = words(tf.reshape(tf.concat([zero, zero, word(step), zero]), [2, 2]));
  const backend = randomBackend();
  const constants = (values: number[]): number[] => backend.getInputTensorIds(values.map((value) => tf.scalar(value, 'int32')));
  const [dimensions] = backend.getInputTensorIds([tf.tensor1d([...shape], 'int32')]) as [number];
  const [algorithm, eight, mask] = constants([PHILOX, 8, 0xffffff]) as [number, number, number];
  const drawn = run(backend, 'StatelessRandomUniformFullIntV2', [{ name: 'dtype', type: Attr.type, value: TF.int32 }], [dimensions, key, counter, algorithm]);
  const shifted = run(backend, 'RightShift', [], [drawn.id, eight]);
  const result = run(backend, 'BitwiseAnd', [], [shifted.id, mask]);
  for (const id of [key, counter, drawn.id, shifted.id]) backend.binding.deleteTensor(id);
  return backend.createOutputTensor(result);
}

function randomBackend(): NodeBackend {
  const backend = nodeBackend();
  if (typeof backend.executeSingleOutput !== 'function') {
    throw new EngineError('BadArgument', `Cannot draw random numbers on tfjs backend "${tf.getBackend()}": use the one that the engine sets`);
  }
  return backend;
}

function run(backend: NodeBackend, op: string, attributes: readonly OpAttribute[], inputs: readonly number[]): Metadata {
  const [output] = backend.binding.executeOp(op, attributes, inputs, 1);
  if (output === undefined) throw new EngineError('CallFailed', `Cannot draw random numbers: op "${op}" gave no result`);
  return output;
}

/** Pairs of int32 [n, 2] as uint64 [n], low word first; a type that tfjs has no name for, so an id of the binding. */
function words(pairs: Tensor): number {
  const backend = randomBackend();
  return run(backend, 'Bitcast', [{ name: 'type', type: Attr.type, value: TF.uint64 }], backend.getInputTensorIds([pairs])).id;
}
