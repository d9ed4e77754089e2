import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawnLabel, pictureNoise } from './noise.ts';

const draw = (seed: number, picture: number, step: number, kind: 'latent' | 'classToken', size = 8): number[] => {
  const out = new Float64Array(size);
  pictureNoise(seed)(picture, step, kind, out);
  return [...out];
};

test('noise is a function of seed, picture, step and kind alone', () => {
  assert.deepEqual(draw(3, 50_000, 7, 'latent'), draw(3, 50_000, 7, 'latent'));
  const all = [draw(3, 1, 2, 'latent'), draw(4, 1, 2, 'latent'), draw(3, 2, 2, 'latent'), draw(3, 1, 3, 'latent'), draw(3, 1, 2, 'classToken')];
  assert.equal(new Set(all.map(String)).size, all.length);
});

test('noise has the same bits on every machine', () => {
  // Written down once; a change here changes every picture of every seed.
  assert.deepEqual(draw(1, 2, 3, 'latent', 3), [0.8345797382231487, -1.417077388636303, 0.3741368529885]);
});

test('drawn labels cover all classes evenly', () => {
  const counts = new Array<number>(10).fill(0);
  for (let picture = 0; picture < 10_000; picture++) counts[drawnLabel(5, picture, 10)]! += 1;
  // Deviation of a count is 30.
  for (const count of counts) assert.ok(Math.abs(count - 1000) < 150, `${counts}`);
});
