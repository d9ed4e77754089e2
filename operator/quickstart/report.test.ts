import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossEnds, qualityTable, tableLines, trainingSeconds, type Line, type Result } from './report.ts';

const line = (step: number, loss: number, stepSeconds = 1): Line => ({ step, loss, lossEma: loss, stepSeconds });

test('the loss at the end is the mean over the steps of the last twentieth', () => {
  const lines = [line(10, 5), line(90, 2), line(96, 3), line(100, 1)];
  assert.deepEqual(lossEnds(lines), { first: 5, firstSteps: 10, last: (3 * 6 + 1 * 4) / 10, lastSteps: 10 });
});

test('a single line is both ends', () => {
  assert.deepEqual(lossEnds([line(3, 2)]), { first: 2, firstSteps: 3, last: 2, lastSteps: 3 });
});

test('a line stands for the steps since the one before', () => {
  assert.equal(trainingSeconds([line(1, 0, 5), line(11, 0, 0.5)]), 5 + 10 * 0.5);
});

test('numbers that could not be computed are a dash', () => {
  const numbers = { frechetDistance: 1234.5, count: 2, referenceCount: 3 };
  const result: Result = {
    noise: numbers, untrained: numbers, trained: { ...numbers, precision: 0.5, recall: 0.25 }, steps: 1, batchSize: 2, ranks: 1, trainingSeconds: 1,
    loss: { first: 1, firstSteps: 1, last: 1, lastSteps: 1 }, features: 'pixels 8x8',
  };
  assert.deepEqual(qualityTable(result)[2]?.slice(1), ['-', '-', '0.500']);
});

test('columns stand under each other', () => {
  assert.deepEqual(tableLines([['', 'a', 'b'], ['name', '1', '22']]), ['      a   b', 'name  1  22']);
});
