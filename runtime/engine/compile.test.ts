import assert from 'node:assert/strict';
import { after, test } from 'node:test';
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
void EngineError; void after;
