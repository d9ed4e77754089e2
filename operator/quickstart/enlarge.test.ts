import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enlarge } from './enlarge.ts';

test('every pixel becomes a square', () => {
  const rgb = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const { width, height, rgb: large } = enlarge({ rgb, width: 2, height: 2 }, 3);
  assert.deepEqual([width, height], [6, 6]);
  for (let y = 0; y < 6; y++) {
    for (let x = 0; x < 6; x++) {
      const from = (Math.floor(y / 3) * 2 + Math.floor(x / 3)) * 3;
      assert.deepEqual([...large.subarray((y * 6 + x) * 3, (y * 6 + x + 1) * 3)], [...rgb.subarray(from, from + 3)]);
    }
  }
});
