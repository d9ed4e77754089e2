import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingBatches, rankOf } from './share.ts';
import { frameSteps } from './trajectory.ts';

test('ranks share all pictures and none twice', () => {
  for (const [count, batch, world] of [[1, 4, 3], [23, 4, 3], [24, 8, 1], [100, 7, 4]] as const) {
    const all = Array.from({ length: world }, (_, rank) => missingBatches(count, batch, rank, world, new Set()).flat()).flat();
    assert.deepEqual(all.sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i));
  }
});

test('only missing pictures are drawn, in full batches, by the rank they belong to', () => {
  const finished = new Set([0, 2, 3, 9]);
  assert.deepEqual(missingBatches(16, 4, 0, 2, finished), [[1, 8, 10, 11]]);
  assert.deepEqual(missingBatches(16, 4, 1, 2, finished), [[4, 5, 6, 7], [12, 13, 14, 15]]);
  assert.equal(rankOf(9, 4, 2), 0);
});

test('frames go from the first state to the last', () => {
  assert.deepEqual(frameSteps(50, 8), [0, 7, 14, 21, 29, 36, 43, 50]);
  assert.deepEqual(frameSteps(2, 4), [0, 1, 1, 2]);
});
