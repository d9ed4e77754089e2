import { openDataset, type Dataset } from '../data/dataset.ts';
import { DataError } from '../data/error.ts';
import { openShard } from '../data/shard.ts';
import type { Pictures } from '../generate/pictures.ts';
import { halfTable, toBits } from '../safetensors/convert.ts';
import type { Storage } from '../storage/storage.ts';
import { decodeHalves } from '../tokenizer/pixel.ts';
import { gather, REFERENCE_POINTS, type Measured } from './measure.ts';
import type { Statistics } from './moments.ts';
import { openNpz, writeNpz, type Npz } from './npz.ts';
import { EvaluateError } from './rows.ts';

/** Pictures read from a file at a time. */
const CHUNK = 64;

/** A reference from an .npz file: pictures (arr_0, uint8 [n, R, R, 3]), statistics of pixel features of this size (mu [d]
 *  and sigma [d, d], d = size² x 3), or both; stored statistics win, as in ADM's evaluator. Throws BadReference. */
export async function readReference(storage: Storage, path: string, size: number): Promise<Measured> {
  using npz = await openNpz(storage, path);
  const stored = npz.arrays.has('mu') ? await storedStatistics(npz, size) : undefined;
  if (!npz.arrays.has('arr_0')) {
    if (stored !== undefined) return { statistics: stored };
    throw new EvaluateError('BadReference', `Cannot use "${path}" as a reference: it holds neither pictures ("arr_0") nor statistics ("mu" and "sigma"). Save one of them in it`);
  }
  const gathered = await gather(npzPictures(npz, path), size, REFERENCE_POINTS);
  return stored === undefined ? gathered : { ...gathered, statistics: stored };
}

/** A reference made of all pictures of a packed data set, as they were before they were packed. Throws BadReference. */
export async function dataReference(storage: Storage, size: number): Promise<Measured> {
  try {
    const dataset = await openDataset(storage);
    if (size > dataset.index.side) {
      throw new EvaluateError('BadReference', `Cannot scale the pictures of "${storage.uri}" to ${size}x${size}: they are ${dataset.index.side}x${dataset.index.side}. Set spec.features.size to at most ${dataset.index.side}`);
    }
    return await gather(datasetPictures(dataset), size, REFERENCE_POINTS);
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new EvaluateError('BadReference', cause.message, { cause });
  }
}

/** Pictures of a data set in the order of its shards, each verified before it is used. */
async function* datasetPictures({ storage, index }: Dataset): AsyncGenerator<Pictures> {
  const { side, tokenizer: { patch } } = index;
  for (const entry of index.shards) {
    await using shard = await openShard({ storage, index }, entry, { hold: false, verify: true });
    for (let from = 0; from < entry.rows; from += CHUNK) {
      const to = Math.min(entry.rows, from + CHUNK);
      const { bytes } = await shard.read('latents', { from, to });
      yield { count: to - from, side, data: decodeHalves(toBits(bytes), to - from, side, patch, halfTable()) };
    }
  }
}

async function storedStatistics(npz: Npz, size: number): Promise<Statistics> {
  const d = size * size * 3;
  const [mean, covariance] = [await npz.numbers('mu'), await npz.numbers('sigma')];
  if (mean.length !== d || covariance.length !== d * d) {
    throw new EvaluateError('BadReference',
      `Cannot use the stored statistics: mu has ${mean.length} numbers and sigma ${covariance.length}, while pictures scaled to ${size}x${size} have ${d} features. ` +
      'Set spec.features.size to the size they were made with; statistics of Inception features are of no use here');
  }
  return { mean, covariance, count: 0 };
}

/** Pictures of arr_0, some at a time. */
export async function* npzPictures(npz: Npz, name: string): AsyncGenerator<Pictures> {
  const header = npz.arrays.get('arr_0');
  const [, side = 0, width, channels] = header?.shape ?? [];
  if (header === undefined || header.type !== '|u1' || header.shape.length !== 4 || channels !== 3 || width !== side || side < 1) {
    throw new EvaluateError('BadReference', `Cannot use arr_0 of "${name}" as pictures: it is ${header?.type} [${header?.shape.join(', ')}]. Save square pictures as uint8 [n, R, R, 3]`);
  }
  for await (const data of npz.rows('arr_0', CHUNK)) yield { count: data.length / (side * side * 3), side, data };
}

/** Writes statistics (mu, sigma in float64) for readReference. */
export async function writeStatistics(storage: Storage, path: string, { mean, covariance }: Statistics): Promise<void> {
  const d = mean.length;
  const bytes = async function* (values: Float64Array): AsyncGenerator<Uint8Array> { yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength); };
  await writeNpz(storage, path, [
    { name: 'mu', type: '<f8', shape: [d], rows: bytes(mean) },
    { name: 'sigma', type: '<f8', shape: [d, d], rows: bytes(covariance) },
  ]);
}
