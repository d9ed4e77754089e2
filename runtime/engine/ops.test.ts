import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { startEngine, type Body, type CompileSpecs, type HostData } from './index.ts';

const engine = startEngine({ threads: 1, device: 'cpu' });

/** Numbers in [-1, 1) without structure, the same every time. */
const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => ((Math.imul(i + 1, 0x9e3779b1) >>> 8) % 2000) / 1000 - 1);

const specs = {
  args: {
    x: { dtype: 'float32', shape: [2, 4, 6] }, y: { dtype: 'float32', shape: [2, 4, 6] }, w: { dtype: 'float32', shape: [6, 5] },
    image: { dtype: 'float32', shape: [2, 8, 8, 3] }, filter: { dtype: 'float32', shape: [2, 2, 3, 4] }, rows: { dtype: 'int32', shape: [2, 3] },
  },
} as const satisfies CompileSpecs;
const args = { x: numbers(48), y: numbers(48).map((value) => value + 1.5), w: numbers(30), image: numbers(384), filter: numbers(48), rows: Int32Array.of(3, 0, 2, 1, 1, 3) };

type Args = Record<keyof typeof args, Tensor>;
type Ops = (args: Args) => Tensor;
const gradient = (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => tf.grad((x) => tf.sum(tf.square(f(x))));

/** What models are made of: each has kernels that tfjs-node plans on the host. */
const cases: Record<string, Ops> = {
  'arithmetic with broadcasting': ({ x, y }) => tf.sub(tf.div(tf.mul(x, 2), tf.add(y, 0.25)), tf.slice(y, [0, 0, 0], [1, 1, 6])),
  'functions': ({ x, y }) => tf.addN([tf.exp(x), tf.log(y), tf.sqrt(y), tf.rsqrt(y), tf.tanh(x), tf.sigmoid(x), tf.sin(x), tf.cos(x), tf.erf(x), tf.square(x), tf.abs(x), tf.neg(x), tf.reciprocal(y), tf.softplus(x), tf.pow(y, 1.5)]),
  'comparisons and where': ({ x, y }) => tf.where(tf.logicalAnd(tf.greater(x, 0), tf.lessEqual(y, 1.5)), x, y),
  'clip, minimum, maximum': ({ x, y }) => tf.maximum(tf.clipByValue(x, -0.5, 0.5), tf.minimum(x, tf.sub(y, 1))),
  'reductions': ({ x }) => tf.stack([tf.sum(x), tf.mean(x), tf.max(x), tf.min(x), tf.prod(x), tf.mean(tf.sum(x, -1, true))]),
  'argmax': ({ x }) => tf.cast(tf.argMax(x, 1), 'float32'),
  'matmul of matrices': ({ x, w }) => tf.matMul(tf.reshape(x, [8, 6]), w),
  'matmul of batches': ({ x, y }) => tf.matMul(x, y, false, true),
  'einsum': ({ x, y }) => tf.einsum('bij,bkj->bik', x, y),
  'softmax': ({ x }) => tf.softmax(x),
  'log softmax': ({ x }) => tf.logSoftmax(x),
  'concat, split, stack, unstack': ({ x, y }) => tf.concat([tf.stack(tf.split(x, 3, 2)[1] === undefined ? [x] : [...tf.unstack(x), ...tf.unstack(y)]), tf.concat([x, y], 0)]),
  'uneven split': ({ x }) => tf.concat(tf.split(x, [1, 2, 3], 2).reverse(), 2),
  'slices': ({ x }) => tf.add(tf.slice(x, [0, 1, 2], [-1, 2, 3]), tf.stridedSlice(x, [0, 0, 0], [2, 4, 6], [1, 2, 2])),
  'transpose, reshape, tile, reverse, pad': ({ x }) => tf.pad(tf.reverse(tf.tile(tf.reshape(tf.transpose(x, [2, 0, 1]), [6, 8]), [2, 1]), 1), [[1, 0], [2, 3]]),
  'expand, squeeze, broadcast': ({ x }) => tf.broadcastTo(tf.squeeze(tf.expandDims(tf.slice(x, [0, 0, 0], [1, 4, 6]), 0), [0]), [2, 4, 6]),
  'gather rows': ({ x, rows }) => tf.gather(x, tf.reshape(rows, [6]), 1),
  'gather per example': ({ x, rows }) => tf.gather(x, rows, 1, 1),
  'gatherND': ({ x, rows }) => tf.gatherND(x, tf.stack([tf.zerosLike(rows), rows], 2)),
  'scatterND': ({ x, rows }) => tf.scatterND(tf.reshape(rows, [6, 1]), tf.reshape(tf.slice(x, [0, 0, 0], [2, 3, 6]), [6, 6]), [4, 6]),
  'one-hot': ({ rows, x }) => tf.matMul(tf.cast(tf.oneHot(rows, 4), 'float32'), x),
  'sort order by topk': ({ x }) => tf.cast(tf.topk(x, 6).indices, 'float32'),
  'topk values': ({ x }) => tf.topk(x, 3).values,
  'cumulative sum': ({ x }) => tf.cumsum(x, 1),
  'range, linspace, fill, eye': () => tf.concat([tf.range(0, 5), tf.linspace(0, 1, 7), tf.fill([2], 0.3), tf.ones([1]), tf.zeros([1]), tf.reshape(tf.eye(2), [4])]),
  'casts': ({ x }) => tf.add(tf.cast(tf.cast(tf.mul(x, 10), 'int32'), 'float32'), tf.cast(tf.cast(x, 'bool'), 'float32')),
  'convolution': ({ image, filter }) => tf.conv2d(image as tf.Tensor4D, filter as tf.Tensor4D, 2, 'valid'),
  'pooling and resizing': ({ image }) => tf.concat([tf.avgPool(image as tf.Tensor4D, 2, 2, 'same'), tf.maxPool(image as tf.Tensor4D, 2, 2, 'same'), tf.image.resizeNearestNeighbor(image as tf.Tensor4D, [4, 4])]),
  'segment sum': ({ x, rows }) => tf.unsortedSegmentSum(tf.reshape(tf.slice(x, [0, 0, 0], [2, 3, 6]), [6, 6]), tf.reshape<tf.Rank.R1>(rows, [6]), 4),
  'gradient of matmul and softmax': ({ x, y }) => gradient((input) => tf.softmax(tf.matMul(input, y, false, true)))(x),
  'gradient of gather': ({ x, rows }) => gradient((input) => tf.gather(input, tf.reshape(rows, [6]), 0))(tf.reshape(x, [8, 6])),
  'gradient of convolution': ({ image, filter }) => gradient((input) => tf.conv2d(image as tf.Tensor4D, input as tf.Tensor4D, 2, 'valid'))(filter),
  'gradient of convolution to its input': ({ image, filter }) => gradient((input) => tf.conv2d(input as tf.Tensor4D, filter as tf.Tensor4D, 2, 'valid'))(image),
  'gradient of a normalization': ({ x }) => gradient((input) => tf.mul(input, tf.rsqrt(tf.add(tf.mean(tf.square(input), -1, true), 1e-6))))(x),
  'gradient of concat, slice, split, pad': ({ x, y }) => gradient((input) => tf.concat([tf.pad(tf.slice(input, [0, 1, 0], [2, 2, 6]), [[0, 0], [1, 1], [0, 0]]), ...tf.split(tf.mul(input, y), 2, 1)], 1))(x),
  'gradient of where and maximum': ({ x, y }) => gradient((input) => tf.where(tf.greater(y, 1.5), tf.mul(input, y), tf.maximum(input, -0.3)))(x),
  'custom gradient': ({ x }) => gradient(tf.customGrad((input) => ({ value: tf.tanh(input as Tensor), gradFunc: (dy: Tensor) => tf.mul(dy, 2) })))(x),
};

async function result(how: 'eager' | 'graph' | 'xla' | 'float64', ops: Ops): Promise<HostData> {
  const body: Body = (tensors) => ({ out: ops(tensors as Args) });
  using f = how === 'eager' ? engine.eager('f', body, specs)
    : engine.compile('f', body, { ...specs, xla: how !== 'graph', precision: how === 'float64' ? 'float64' : 'float32' });
  const { out } = await f.call(args);
  using tensor = out!;
  return tensor.data();
}

for (const [name, ops] of Object.entries(cases)) {
  test(`${name}: the same eager, as a graph, under XLA and in float64`, async () => {
    const expected = Array.from(await result('eager', ops) as Float32Array);
    for (const how of ['graph', 'xla', 'float64'] as const) {
      const actual = Array.from(await result(how, ops) as Float32Array);
      assert.equal(actual.length, expected.length);
      const scale = Math.max(1, ...expected.map(Math.abs));
      const error = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!))) / scale;
      // A few roundings of float32; float64 differs from float32 by as much.
      assert.ok(error <= 3e-6, `${how}: relative error ${error}`);
    }
  });
}
