import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { EngineError, startEngine } from './index.ts';

const engine = startEngine({ threads: 1, device: 'cpu' });

test('a compiled function computes what its body says', async () => {
  using f = engine.compile('affine', ({ x, w }) => ({ y: tf.add(tf.matMul(x!, w!), 0.5) }), {
    args: { x: { dtype: 'float32', shape: [2, 3] }, w: { dtype: 'float32', shape: [3, 1] } },
  });
  const { y } = await f.call({ x: Float32Array.of(1, 2, 3, 4, 5, 6), w: Float32Array.of(1, 0, -1) });
  using result = y!;
  assert.deepEqual(result.shape, [2, 1]);
  assert.deepEqual([...result.data() as Float32Array], [-1.5, -1.5]);
});

test('state is read as it was at the start of the call and updated in place', async () => {
  using a = engine.variable('a', Float32Array.of(1, 2), [2]);
  using b = engine.variable('b', Float32Array.of(10, 20), [2]);
  using swap = engine.compile('swap', (_, state) => {
    state.assign('a', state.read('b'));
    state.assign('b', state.read('a'));
    return { sum: tf.sum(tf.add(state.read('a'), state.read('b'))) };
  }, { args: {}, state: { a, b } });
  for (let call = 0; call < 3; call++) {
    const { sum } = await swap.call({});
    using total = sum!;
    assert.equal(total.data()[0], 33);
  }
  assert.deepEqual([...a.read() as Float32Array], [10, 20]);
  assert.deepEqual([...b.read() as Float32Array], [1, 2]);
});

/** Whether an error is the engine's, of this code, and names this file and each of the words. */
const says = (code: string, ...words: string[]) => (error: unknown): boolean => {
  assert.ok(error instanceof EngineError, String(error));
  assert.equal(error.code, code);
  for (const word of ['compile.test.ts:', ...words]) assert.ok(error.message.includes(word), `"${word}" is missing in: ${error.message}`);
  return true;
};

test('what cannot be traced names the function, the reason and the line', () => {
  const specs = { args: { x: { dtype: 'float32', shape: [2, 3] } } } as const;
  assert.throws(() => engine.compile('wrong', ({ x }) => ({ y: tf.matMul(x!, x!) }), specs), says('TraceFailed', '"wrong"', 'BatchMatMulV2', 'must be equal'));
  assert.throws(() => engine.compile('peek', ({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }), specs), says('ValueWhileTracing', '"peek"'));
  // A promise is no tensor; what becomes of it is nobody's concern any more.
  assert.throws(() => engine.compile('loose', ({ x }) => {
    const later = tf.booleanMaskAsync(x!, x!);
    later.catch(() => undefined);
    return { y: later as never };
  }, specs), EngineError);
});

test('a call that fails names the op and the line that traced it', async () => {
  using f = engine.compile('pick', ({ x, rows }) => ({ y: tf.gather(x!, rows!) }), {
    args: { x: { dtype: 'float32', shape: [4, 2] }, rows: { dtype: 'int32', shape: [1] } }, xla: false,
  });
  const x = new Float32Array(8);
  await assert.rejects(f.call({ x, rows: Int32Array.of(9) }), says('CallFailed', '"pick"', 'GatherV2', '9'));
  // The failure has let go of everything, and the function goes on working.
  const { tensors } = engine.live;
  for (let call = 0; call < 3; call++) {
    await assert.rejects(f.call({ x, rows: Int32Array.of(9) }));
    const { y } = await f.call({ x, rows: Int32Array.of(3) });
    using rows = y!;
    assert.deepEqual(rows.shape, [1, 2]);
  }
  assert.equal(engine.live.tensors, tensors);
});

// But for the maximum of a tensor, which on CPUs passes over NaN, with our flags of XLA and without.
test('NaN and infinity stay what they are under XLA', async () => {
  using f = engine.compile('nan', ({ x }) => ({ sum: tf.sum(x!), least: tf.minimum(x!, 1), equal: tf.cast(tf.equal(x!, x!), 'float32') }), {
    args: { x: { dtype: 'float32', shape: [40] } },
  });
  const x = new Float32Array(40).fill(0.5);
  x[7] = NaN;
  x[8] = Infinity;
  const out = await f.call({ x });
  const values = Object.fromEntries(Object.entries(out).map(([name, tensor]) => [name, tensor.data() as Float32Array]));
  for (const tensor of Object.values(out)) tensor[Symbol.dispose]();
  assert.deepEqual([values.sum![0], values.least![7]], [NaN, NaN]);
  assert.deepEqual([values.least![8], values.equal![7], values.equal![8]], [1, 0, 1]);
});
