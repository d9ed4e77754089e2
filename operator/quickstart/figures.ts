import type { Manifest } from '@srdit/runtime/checkpoint/manifest.ts';
import type { Engine } from '@srdit/runtime/engine/index.ts';
import { openNpz } from '@srdit/runtime/evaluate/npz.ts';
import { npzPictures } from '@srdit/runtime/evaluate/reference.ts';
import { decoderOf } from '@srdit/runtime/generate/decode.ts';
import { openGenerator } from '@srdit/runtime/generate/generator.ts';
import { pictureGrid } from '@srdit/runtime/generate/grid.ts';
import { pictureAt, type Pictures } from '@srdit/runtime/generate/pictures.ts';
import { encodePng } from '@srdit/runtime/generate/png.ts';
import { drawTrajectories } from '@srdit/runtime/generate/trajectory.ts';
import type { Storage } from '@srdit/runtime/storage/storage.ts';
import { enlarge } from './enlarge.ts';
import type { Evaluation } from './resources.ts';

/** Pictures a class in the sample grid, and looks at each picture in the other one. */
const ACROSS = 12;
const FRAMES = 8;
const FACTOR = 2;

/** Samples of an evaluation with one class a row, as PNG. samples.npz: picture g is of class g mod classes (balanced labels);
 *  with labels drawn at random the rows mean nothing, and the grid only shows the first pictures. */
export async function sampleGrid(evaluation: Storage, classes: number, count: number): Promise<Uint8Array> {
  const rows = Math.min(classes, count);
  const across = Math.max(1, Math.min(ACROSS, Math.floor(count / rows)));
  const first = await firstPictures(evaluation, rows * across);
  const bytes = first.side ** 2 * 3;
  const data = new Uint8Array(rows * across * bytes);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < across; column++) data.set(pictureAt(first, column * rows + row), (row * across + column) * bytes);
  }
  return png({ count: rows * across, side: first.side, data }, across);
}

async function firstPictures(evaluation: Storage, count: number): Promise<Pictures> {
  using npz = await openNpz(evaluation, 'samples.npz');
  const parts: Uint8Array[] = [];
  let side = 0;
  let have = 0;
  for await (const batch of npzPictures(npz, 'samples.npz')) {
    parts.push(batch.data.slice());
    side = batch.side;
    have += batch.count;
    if (have >= count) break;
  }
  return { count, side, data: new Uint8Array(Buffer.concat(parts)).subarray(0, count * side * side * 3) };
}

/** A picture of each class on its way from noise, eight looks a row, as PNG. weights: of the model in the manifest. */
export async function trajectoryGrid(engine: Engine, manifest: Manifest, weights: Readonly<Record<string, Float32Array>>, spec: Evaluation['spec']): Promise<Uint8Array> {
  const { model, objective, tokenizer } = manifest;
  const indices = Array.from({ length: Math.min(model.numClasses, spec.batchSize) }, (_, i) => i);
  using generator = openGenerator(engine, {
    config: model, weights, decoder: decoderOf(tokenizer, model), batch: indices.length,
    sampling: { sampler: spec.sampler, timeShift: objective.timeShift, path: objective.path },
  });
  return png(await drawTrajectories(generator, spec, indices, FRAMES), FRAMES);
}

async function png(pictures: Pictures, columns: number): Promise<Uint8Array> {
  const { rgb, width, height } = enlarge(pictureGrid(pictures, columns), FACTOR);
  return encodePng(rgb, width, height);
}
