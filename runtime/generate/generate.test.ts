import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SamplerSpec } from '@srdit/crds';
import { startEngine } from '../engine/index.ts';
import type { ModelConfig } from '../model/config.ts';
import { initialParameters } from '../model/parameters.ts';
import type { Decoder } from './decode.ts';
import { drawPictures, labelOf } from './generate.ts';
import { openGenerator } from './generator.ts';
import { pictureAt, type Pictures } from './pictures.ts';
import { drawTrajectories } from './trajectory.ts';

const engine = startEngine({ threads: 1, device: 'cpu' });
const held = new DisposableStack();
after(() => { held.dispose(); });

const config: ModelConfig = {
  depth: 4, hiddenSize: 32, heads: 2, patchSize: 2, mlpRatio: 2, numClasses: 3, channels: 3, latentSize: 8, qkNorm: true, rope: true, valueResidual: true,
  classTokenWidth: 0, featureWidths: [], projectorWidth: 8, routing: { enabled: true, keepRatio: 0.25, pathDropProb: 0.05 }, labelDropProb: 0.1,
};
/** Fresh weights give velocity 0, which would hide faults: the zero ones are filled. */
const weights = Object.fromEntries(Object.entries(initialParameters(config, 1)).map(([name, values]) =>
  [name, values.every((value) => value === 0) ? values.map((_, i) => 0.2 * Math.sin(i * 1.7)) : values]));
/** Latents are the pictures. */
const decoder: Decoder = { side: 8, decode: async (latents) => Float32Array.from(latents, (value) => value / 2) };
const series = { seed: 5, balancedLabels: true };

function generator(batch: number, steps = 4): ReturnType<typeof openGenerator> {
  const sampler = SamplerSpec.parse({ steps, guidance: { scale: 2, classTokenScale: 2 } });
  return held.use(openGenerator(engine, { config, weights, decoder, batch, sampling: { sampler, timeShift: { enabled: true, base: 4096 }, path: 'linear' } }));
}

/** Levels differ by at most one (rounding of the network), and in few places. */
function assertSame(a: Uint8Array, b: Uint8Array, what: string): void {
  assert.equal(a.length, b.length);
  a.forEach((level, i) => { assert.ok(Math.abs(level - (b[i] as number)) <= 1, `${what}: ${level} and ${b[i]} at ${i}`); });
}

test('a picture does not depend on those drawn with it, nor on the batch', async () => {
  const wide = generator(4);
  const narrow = generator(3);
  const together = await drawPictures(wide, series, [4, 5, 6, 7]);
  const apart = await drawPictures(narrow, series, [6, 1]);
  assertSame(pictureAt(together, 2), pictureAt(apart, 0), 'picture 6');
  const spread = (pictures: Pictures, i: number): number => Math.max(...pictureAt(pictures, i)) - Math.min(...pictureAt(pictures, i));
  assert.ok(spread(together, 0) > 50);
  assert.notDeepEqual([...pictureAt(together, 0)], [...pictureAt(together, 3)]);
});

test('another seed gives another picture, the same seed the same', async () => {
  const drawn = generator(2);
  const first = await drawPictures(drawn, series, [0, 1]);
  assert.deepEqual((await drawPictures(drawn, series, [0, 1])).data, first.data);
  assert.notDeepEqual((await drawPictures(drawn, { ...series, seed: 6 }, [0, 1])).data, first.data);
});

test('labels go round, or come from the seed', () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((index) => labelOf(series, index, 3)), [0, 1, 2, 0, 1]);
  const drawn = Array.from({ length: 3000 }, (_, index) => labelOf({ seed: 1, balancedLabels: false }, index, 3));
  for (const label of [0, 1, 2]) assert.ok(Math.abs(drawn.filter((value) => value === label).length - 1000) < 120);
  assert.equal(labelOf({ seed: 1, balancedLabels: false }, 17, 3), drawn[17]);
});

test('a trajectory ends in the picture and begins in noise', async () => {
  const drawn = generator(2);
  const frames = await drawTrajectories(drawn, series, [0, 1], 3);
  const pictures = await drawPictures(drawn, series, [0, 1]);
  assert.equal(frames.count, 6);
  assertSame(pictureAt(frames, 2), pictureAt(pictures, 0), 'last frame of picture 0');
  assertSame(pictureAt(frames, 5), pictureAt(pictures, 1), 'last frame of picture 1');
  assert.notDeepEqual([...pictureAt(frames, 0)], [...pictureAt(frames, 2)]);
});
