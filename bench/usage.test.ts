import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usage } from './usage.ts';

test('memory is measured in bytes', () => {
  const { rss, peakRss } = usage();
  assert.ok(rss > 20e6 && peakRss >= rss * 0.9, `rss ${rss}, peak ${peakRss}`);
});
