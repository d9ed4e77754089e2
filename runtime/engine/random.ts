/** Random numbers of the stateless philox generator, as TensorFlow draws them, on whichever backend tfjs runs. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { RandomKey, Shape } from './types.ts';
import { Attr } from './addon.ts';
import { TF } from './dtype.ts';
import { EngineError } from './errors.ts';
import type { OpAttribute } from './tracing.ts';
import { tf, type NodeJSKernelBackend } from './tfjs.ts';

/** TensorFlow's number of the algorithm. Left to choose, it takes another one under XLA. */
const PHILOX = 1;

/** Uniform of [0, 1), float32. */
export const randomUniform = (key: RandomKey, shape: Shape): Tensor => draw('StatelessRandomUniformV2', key, shape);
/** Standard normal, float32. */
export const randomNormal = (key: RandomKey, shape: Shape): Tensor => draw('StatelessRandomNormalV2', key, shape);

/** FNV-1a of the purpose's UTF-8 bytes, as int32. */
export function purposeHash(purpose: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(purpose)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

/** Key = (purpose, seed), counter = (0, step): each step has 2^64 blocks of its own, each purpose a key. */
function draw(op: string, { seed, step, purpose }: RandomKey, shape: Shape): Tensor {
  return tf.tidy(() => {
    const word = (value: number | Tensor): Tensor => tf.reshape(typeof value === 'number' ? tf.scalar(value | 0, 'int32') : tf.cast(value, 'int32'), [1]);
    const zero = word(0);
    const key = words(tf.reshape(tf.concat([word(purposeHash(purpose)), word(seed)]), [1, 2]));
    const counter = words(tf.reshape(tf.concat([zero, zero, word(step), zero]), [2, 2]));
    const { binding, ...rest } = nodeBackend();
    const [dimensions, algorithm] = rest.inputs([tf.tensor1d([...shape], 'int32'), tf.scalar(PHILOX, 'int32')]) as [number, number];
    // Drawn as float32 in every precision, so that a key means the same numbers in all of them.
    const drawn = run(binding, op, [{ name: 'dtype', type: Attr.type, value: TF.float32 }], [dimensions, key, counter, algorithm]);
    binding.deleteTensor(key);
    binding.deleteTensor(counter);
    return rest.tensor(drawn);
  });
}

type Binding = NodeJSKernelBackend['binding'];

function nodeBackend() {
  const backend = tf.backend() as NodeJSKernelBackend;
  if (typeof backend.executeSingleOutput !== 'function') {
    throw new EngineError('BadArgument', `Cannot draw random numbers on tfjs backend "${tf.getBackend()}": use the one that the engine sets`);
  }
  return {
    binding: backend.binding,
    inputs: (tensors: Tensor[]): number[] => backend.getInputTensorIds(tensors),
    tensor: (metadata: ReturnType<Binding['executeOp']>[number]): Tensor => backend.createOutputTensor(metadata),
  };
}

const run = (binding: Binding, op: string, attributes: OpAttribute[], inputs: number[]): ReturnType<Binding['executeOp']>[number] => {
  const [output] = binding.executeOp(op, attributes as Parameters<Binding['executeOp']>[1], inputs, 1);
  if (output === undefined) throw new EngineError('CallFailed', `Op "${op}" gave no result`);
  return output;
};

/** Pairs of int32 [n, 2] as uint64 [n], low word first; a type that tfjs has no name for, so an id of the binding. */
function words(pairs: Tensor): number {
  const { binding, inputs } = nodeBackend();
  return run(binding, 'Bitcast', [{ name: 'type', type: Attr.type, value: TF.uint64 }], inputs([pairs])).id;
}
