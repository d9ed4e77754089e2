import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { bytesOf, writeSafetensors, type LazyEntry } from '../safetensors/write.ts';
import { StorageError, type Storage, type StorageErrorCode } from '../storage/storage.ts';
import { encodePixels, patchPlaces, pixelLatentShape } from '../tokenizer/pixel.ts';
import type { PictureStore } from './archive.ts';
import { mapInOrder } from './batches.ts';
import { encodeIndex, INDEX, openDataset, type DatasetIndex } from './dataset.ts';
import { DataError } from './error.ts';
import { Journal, type Packed } from './journal.ts';
import { readPicture } from './picture.ts';
import { shardTensors } from './shard.ts';
import { readSource, type Source } from './source.ts';

export interface PackOptions {
  /** P: side of the patches in pixels. */
  readonly patch: number;
  /** Pictures a shard; default as many as make 32 MiB. Memory grows with it, not with the data set. */
  readonly shardRows?: number | undefined;
  readonly classes?: readonly string[] | undefined;
  /** The first broken picture ends the packing, instead of being skipped. */
  readonly strict?: boolean | undefined;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
  readonly onSkipped?: ((name: string, why: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PackProgress {
  /** Pictures behind it, and those of them that lie in shards of an earlier run. */
  readonly done: number; readonly kept: number; readonly of: number;
}

export interface PackResult {
  readonly index: DatasetIndex;
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
  /** Nothing was left to do. */
  readonly already: boolean;
}

const SHARD_BYTES = 32 << 20;
/** Pictures larger than this are no training pictures. */
const PICTURE_LIMIT_BYTES = 1 << 30;

/** Packs the pictures that convert left into shards and, last, index.json. What a killed run finished is verified and kept.
 *  Throws DataError BadSource, BadOption, BadPicture, InUse, Stopped. */
export async function packDataset(from: PictureStore, to: Storage, options: PackOptions): Promise<PackResult> {
  const source = await readSource(from, options.classes);
  const side = await sideOf(from, source);
  const latent = pixelLatentShape(side, options.patch);
  if (latent === undefined) throw new DataError('BadOption', `Cannot cut pictures of ${side}x${side} into patches of ${options.patch}x${options.patch}. Give --patch a divisor of ${side}`);
  const perRow = 2 * 3 * side * side;
  const shardRows = options.shardRows ?? Math.max(1, Math.floor(SHARD_BYTES / perRow));
  const count = Math.ceil(source.names.length / shardRows);
  if (count > 99_999) throw new DataError('BadOption', `Cannot pack ${source.names.length} pictures into ${count} shards: at most 99999 are allowed. Give --shard-rows at least ${Math.ceil(source.names.length / 99_999)}`);

  const digest = createHash('sha256').update(JSON.stringify(['srdit.dev/pack/v1', source.digest, side, options.patch, shardRows])).digest('hex');
  const journal = new Journal(to, digest);
  const earlier = await finishedBefore(to, digest);
  if (earlier !== undefined) {
    const skipped = (await journal.all(count)).flatMap((packed) => packed?.skipped ?? []);
    await journal.remove();
    return { index: earlier, skipped, already: true };
  }
  await journal.claim();

  const job: Job = { from, to, source, side, latent, options, places: patchPlaces(side, options.patch), latents: new Uint16Array(Math.min(shardRows, source.names.length) * 3 * side * side), kept: 0 };
  const shards: Packed[] = [];
  for (let number = 0; number < count; number++) {
    const first = number * shardRows;
    const last = Math.min(source.names.length, first + shardRows);
    const before = await journal.verified(number);
    if (before !== undefined) job.kept += last - first;
    const packed = before ?? await packShard(job, number, first, last);
    for (const { name, why } of packed.skipped) refuse(job, name, why, before !== undefined);
    if (before === undefined) await journal.add(number, packed);
    shards.push(packed);
    options.onProgress?.({ done: last, kept: job.kept, of: source.names.length });
  }
  const index = indexOf(job, shards, digest);
  await to.write(INDEX, encodeIndex(index));
  await journal.remove();
  return { index, skipped: shards.flatMap(({ skipped }) => skipped), already: false };
}

interface Job {
  readonly from: PictureStore; readonly to: Storage; readonly source: Source; readonly options: PackOptions;
  readonly side: number; readonly latent: readonly [number, number, number]; readonly places: Int32Array;
  /** Of the shard that is being packed: one array for all of them. */
  readonly latents: Uint16Array;
  kept: number;
}

/** Says or throws that a picture is broken; one of a shard that was kept may still have to be thrown. */
function refuse({ from, options }: Job, name: string, why: string, known: boolean): void {
  if (options.strict === true) throw new DataError('BadPicture', `Cannot pack picture "${from.uri}/${name}": ${why}. Replace or remove it, or pack without --strict to skip it`);
  if (known) options.onSkipped?.(name, why);
}

/** Side of the first picture that can be read: that of all. */
async function sideOf(from: PictureStore, { names }: Source): Promise<number> {
  for (const name of names) {
    const picture = await load(from, name).catch((error: unknown) => {
      if (!isOfPicture(error)) throw error;
      return undefined;
    });
    if (picture !== undefined && picture.width === picture.height) return picture.width;
  }
  throw new DataError('BadSource', `Cannot pack "${from.uri}": none of its ${names.length} pictures can be read as a square picture. Make them again with ./srdit data convert`);
}

/** The index, if this very data set is packed already. Throws InUse for another one: it is not overwritten. */
async function finishedBefore(to: Storage, digest: string): Promise<DatasetIndex | undefined> {
  if (!await to.exists(INDEX)) return undefined;
  const { index } = await openDataset(to);
  if (index.source === digest) return index;
  throw new DataError('InUse', `Cannot pack into "${to.uri}": another data set lies there, of other pictures or options. Remove it or give another destination`);
}

async function load(from: PictureStore, name: string): Promise<{ rgb: Uint8Array; width: number; height: number }> {
  return readPicture(await from.read(name, { limitBytes: PICTURE_LIMIT_BYTES }));
}

/** Not of the disk or the network: those would break every picture after it. */
const isOfPicture = (error: unknown): boolean => !(error instanceof StorageError) || OF_PICTURE.has(error.code);
const OF_PICTURE = new Set<StorageErrorCode>(['NotFound', 'TooShort', 'TooLarge', 'BadPath']);

/** Pictures first..last of the source, those that are broken left out. */
async function packShard(job: Job, number: number, first: number, last: number): Promise<Packed> {
  const { from, to, source, side, latent, options, places, latents } = job;
  const size = places.length;
  let done = 0, sum = 0, squares = 0;
  // Decoding runs in the threads of the picture library, two for each core so that reading is hidden.
  const problems = await mapInOrder(source.names.slice(first, last), 2 * availableParallelism(), async (name, i): Promise<string | undefined> => {
    if (options.signal?.aborted === true) throw new DataError('Stopped', 'Stopped on request: what is packed so far is kept, and the same command goes on from it');
    let problem: string | undefined;
    try {
      const { rgb, width, height } = await load(from, name);
      if (width !== side || height !== side) problem = `it is ${width}x${height} but the first picture is ${side}x${side}`;
      else {
        encodePixels(rgb, places, latents, i * size);
        // Whole numbers, so the order does not matter.
        for (const level of rgb) { sum += level; squares += level * level; }
      }
    } catch (error) {
      if (!isOfPicture(error)) throw error;
      problem = told(error);
    }
    if (problem !== undefined) {
      refuse(job, name, problem, false);
      options.onSkipped?.(name, problem);
    }
    done++;
    options.onProgress?.({ done: first + done, kept: job.kept, of: source.names.length });
    return problem;
  });

  const good: number[] = [];
  const skipped: { name: string; why: string }[] = [];
  problems.forEach((why, i) => {
    if (why === undefined) {
      if (good.length < i) latents.copyWithin(good.length * size, i * size, (i + 1) * size);
      good.push(first + i);
    } else skipped.push({ name: source.names[first + i] as string, why });
  });
  if (good.length === 0) return { skipped, sum, squares };
  const data: Readonly<Record<string, ArrayBufferView>> = {
    latents: latents.subarray(0, good.length * size), labels: Int32Array.from(good, (id) => source.labels[id] as number), ids: Int32Array.from(good),
  };
  const entries = shardTensors({ latent: [...latent], features: undefined }, good.length).map((tensor): LazyEntry => ({ ...tensor, bytes: bytesOf(data[tensor.name] as ArrayBufferView) }));
  const file = `shard-${String(number).padStart(5, '0')}.safetensors`;
  return { entry: { file, rows: good.length, ...await to.write(file, writeSafetensors(entries)) }, skipped, sum, squares };
}

function indexOf({ source, side, latent, options: { patch } }: Job, packed: readonly Packed[], digest: string): DatasetIndex {
  const shards = packed.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));
  const total = shards.reduce((all, { rows }) => all + rows, 0);
  const values = total * 3 * side * side;
  const mean = packed.reduce((all, { sum }) => all + sum, 0) / values;
  const variance = packed.reduce((all, { squares }) => all + squares, 0) / values - mean * mean;
  // Pictures of a single colour have no variance to bring to one.
  const scale = variance > 1e-3 ? 127.5 / Math.sqrt(variance) : 1;
  return {
    format: 'srdit.dev/dataset/v1', tokenizer: { kind: 'pixel', patch, scale, shift: mean / 127.5 - 1 }, latent: [...latent],
    classes: [...source.classes], side, total, shards, source: digest,
  };
}

/** The first line of what went wrong. */
function told(error: unknown): string {
  if (error instanceof StorageError) return error.code === 'NotFound' ? 'there is no such file' : error.message;
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? 'it cannot be read';
}
