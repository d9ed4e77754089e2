import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pictures } from '../generate/pictures.ts';
import { compare, gather, measurePictures } from './measure.ts';
import { pixelFeatures } from './pixel-features.ts';

/** Pictures of one colour with some noise. */
function pictures(count: number, side: number, level: number, seed: number): Pictures {
  let state = seed;
  const data = Uint8Array.from({ length: count * side * side * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return level + (state >>> 26);
  });
  return { count, side, data };
}

test('a feature is the mean of its share of the picture', () => {
  const features = pixelFeatures({ count: 1, side: 2, data: Uint8Array.of(0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32) }, 1);
  assert.deepEqual([...features.data], [15, 16, 17].map((sum) => Math.fround(sum / 255)));
});

test('pixels on a border count by the part inside', () => {
  const grey = (levels: number[]): Uint8Array => Uint8Array.from(levels.flatMap((level) => [level, level, level]));
  const rows = [30, 60, 90, 30, 60, 90, 30, 60, 90];
  const features = pixelFeatures({ count: 1, side: 3, data: grey(rows) }, 2);
  // (30 + 60 / 2) / 1.5 = 40 and (60 / 2 + 90) / 1.5 = 80
  [40, 40, 40, 80, 80, 80].forEach((level, i) => { assert.ok(Math.abs((features.data[i] as number) * 255 - level) < 1e-4); });
});

test('pictures are measured the same whether they come at once or in batches', async () => {
  const reference = await gather([pictures(60, 8, 20, 1)], 2, 1000);
  const whole = pictures(50, 8, 60, 2);
  const cut = (start: number, end: number): Pictures => ({ count: end - start, side: 8, data: whole.data.subarray(start * 192, end * 192) });
  const once = await measurePictures([whole], reference, { size: 2 });
  const batches = await measurePictures([cut(0, 7), cut(7, 40), cut(40, 50)], reference, { size: 2 });
  assert.ok(Math.abs(once.frechetDistance - batches.frechetDistance) < 1e-12);
  assert.equal(once.precision, batches.precision);
  // 40 levels brighter in 12 dimensions: the distance is that of the means.
  assert.ok(Math.abs(once.frechetDistance - 12 * (40 / 255) ** 2) < 0.02, String(once.frechetDistance));
  assert.deepEqual([once.precision, once.recall, once.count, once.referenceCount, once.dimensions], [0, 0, 50, 60, 12]);
  assert.deepEqual(once.warnings, []);
});

test('the same pictures are at distance 0, all precise and all recalled', async () => {
  const set = await gather([pictures(30, 4, 0, 3)], 2, 1000);
  const same = await compare(set, set, {});
  assert.ok(Math.abs(same.frechetDistance) < 1e-12);
  assert.deepEqual([same.precision, same.recall], [1, 1]);
});

test('what makes numbers hard to compare is said', async () => {
  const reference = await gather([pictures(5, 4, 0, 3)], 2, 1000);
  const { warnings, precision } = await compare(await gather([pictures(3, 4, 0, 4)], 2, 1000), reference, {});
  assert.match(warnings.join(';'), /covariance of 3 drawn pictures in 12 dimensions is singular.*covariance of 5 reference pictures.*Precision and recall need more than 3 pictures/);
  assert.equal(precision, undefined);
});

test('pictures are not scaled up', () => {
  assert.throws(() => pixelFeatures(pictures(1, 4, 0, 1), 8), /Cannot scale pictures of 4x4 down to 8x8/);
});
