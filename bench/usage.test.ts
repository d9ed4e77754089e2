import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, usage } from './usage.ts';

test('median of an odd and of an even count', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

test('memory is measured in bytes', () => {
  const { rss, peakRss } = usage();
  assert.ok(rss > 20e6 && peakRss >= rss * 0.9, `rss ${rss}, peak ${peakRss}`);
});
