import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixtureTensors } from '../evaluate/fixture.ts';
import { pictureGrid } from './grid.ts';
import { generatedPictures, pictureAt, PictureError, previewPictures } from './pictures.ts';
import { decodePng, encodePng } from './png.ts';

test('the preview grid is the reference\'s, bit for bit', async () => {
  const fixture = await fixtureTensors('preprocess/grid.safetensors');
  const pictures = previewPictures(Float32Array.from(fixture('grid_in').data), 5, 8);
  const grid = pictureGrid(pictures);
  assert.deepEqual([grid.height, grid.width], [32, 22]);
  assert.deepEqual(Array.from(grid.rgb), Array.from(fixture('grid_out_u8').data));
});

test('generate truncates where the preview rounds', () => {
  // 2 x 127.9 / 255 - 1 and values outside [-1, 1].
  const decoded = Float32Array.of((2 * 127.9) / 255 - 1, 1.2, -7);
  assert.deepEqual([...pictureAt(generatedPictures(decoded, 1, 1), 0)], [127, 255, 0]);
  assert.deepEqual([...pictureAt(previewPictures(Float32Array.of(127.9 / 255, 1.2, -7), 1, 1), 0)], [128, 255, 0]);
});

test('channels come first in values and last in pictures', () => {
  const decoded = new Float32Array(12).fill(-1);
  decoded[2 * 4 + 1] = 1; // blue of the upper right pixel
  assert.deepEqual([...generatedPictures(decoded, 1, 2).data], [0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0]);
});

test('NaN is no picture', () => {
  assert.throws(() => generatedPictures(Float32Array.of(0, NaN, 0), 1, 1), (error: unknown) => error instanceof PictureError && error.code === 'NotFinite');
});

test('a grid of one row has as many columns as asked for', () => {
  const grid = pictureGrid({ count: 3, side: 1, data: Uint8Array.of(1, 1, 1, 2, 2, 2, 3, 3, 3) }, 8);
  assert.deepEqual([grid.width, grid.height], [11, 5]);
  assert.equal(grid.rgb[(2 * 11 + 8) * 3], 3);
});

test('a PNG gives back the picture; a damaged one is named', async () => {
  const rgb = Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => (i * 37) % 256);
  const png = await encodePng(rgb, 5, 4);
  assert.deepEqual(png, await encodePng(rgb, 5, 4));
  const read = await decodePng(png, 'x.png');
  assert.deepEqual([read.width, read.height], [5, 4]);
  assert.deepEqual(read.rgb, rgb);
  await assert.rejects(decodePng(png.subarray(0, png.length - 30), 'pictures/000007.png'), /Cannot read picture "pictures\/000007.png"/);
});
