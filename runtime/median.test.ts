import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from './median.ts';

test('median of an odd and of an even count, and of none', () => {
  assert.equal(median([3, 1, 20]), 3);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([10, 9]), 9.5);
  assert.ok(Number.isNaN(median([])));
});
