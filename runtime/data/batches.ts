import type { SafetensorsFile } from '../safetensors/read.ts';
import { halfTable, toBits } from '../safetensors/convert.ts';
import type { HostBatch } from './batch.ts';
import type { Dataset } from './dataset.ts';
import { DataError } from './error.ts';
import { Order, type Position } from './order.ts';
import { openShard } from './shard.ts';

/** What a rank loads, and from where in the order. */
export interface LoaderOptions {
  readonly seed: number;
  readonly rank: number;
  readonly world: number;
  /** Examples of a micro-batch of this rank. */
  readonly batch: number;
  readonly balanceLabels: boolean;
  /** Where the last batch ended; { epoch: 0, position: 0 } for a fresh run. */
  readonly from: Position;
  readonly needs: { readonly cls: boolean; readonly features: boolean };
  /** Data sets up to so many bytes are held in memory, larger ones read row by row. Default 256 MiB, for each rank. */
  readonly holdBytes?: number;
}

export interface Taken {
  readonly batch: HostBatch;
  /** Position after this batch. */
  readonly at: Position;
}

const HOLD_BYTES = 256 << 20;
/** Shards opened at a time: each is a stream that is digested. */
const SHARDS_AT_ONCE = 4;
/** Rows read at a time: of an object store, each is a request that takes tens of milliseconds. */
const ROWS_AT_ONCE = 64;

/** Reads batches of one rank in order, without end. Runs in the loader's thread; a test may run it anywhere. */
export class BatchReader {
  readonly #dataset: Pick<Dataset, 'storage' | 'index'>;
  readonly #options: LoaderOptions;
  readonly #shards: readonly SafetensorsFile[];
  /** First row of each shard. */
  readonly #firsts: Int32Array;
  readonly #labels: Int32Array;
  readonly #order: Order;
  /** Half precision to model space. */
  readonly #levels: Float32Array;
  #at: Position;

  private constructor(dataset: Pick<Dataset, 'storage' | 'index'>, options: LoaderOptions, shards: readonly SafetensorsFile[], firsts: Int32Array, labels: Int32Array) {
    const { index: { tokenizer: { scale, shift }, total } } = dataset;
    this.#dataset = dataset;
    this.#options = options;
    this.#shards = shards;
    this.#labels = labels;
    this.#firsts = firsts;
    this.#order = new Order({ total, labels: options.balanceLabels ? labels : undefined }, options.seed);
    this.#levels = halfTable().map((raw) => (raw - shift) * scale);
    this.#at = options.from;
  }

  /** Checks shards and reads labels. Shards that are held are verified by every rank, others by one rank each.
   *  Throws DataError BadShard, DigestMismatch, NoFeatures, TooFewPictures. */
  static async open(dataset: Pick<Dataset, 'storage' | 'index'>, options: LoaderOptions): Promise<BatchReader> {
    const { storage, index } = dataset;
    const { needs, rank, world, batch, holdBytes = HOLD_BYTES } = options;
    if ((needs.cls || needs.features) && index.features === undefined) {
      throw new DataError('NoFeatures', `Cannot load teacher features: the data set "${storage.uri}" holds none. Set data.teacherFeatures, model.classToken and objective.alignment.enabled to false, or pack the data set with features`);
    }
    const hold = index.shards.reduce((bytes, shard) => bytes + shard.bytes, 0) <= holdBytes;
    const labels = new Int32Array(index.total);
    const firsts = new Int32Array(index.shards.length);
    for (let i = 1; i < firsts.length; i++) firsts[i] = (firsts[i - 1] as number) + (index.shards[i - 1] as { rows: number }).rows;
    const shards = await mapInOrder(index.shards, SHARDS_AT_ONCE, async (entry, i) => {
      const shard = await openShard(dataset, entry, { hold, verify: i % world === rank });
      const own = await shard.int32('labels');
      const wrong = own.find((label) => label < 0 || label >= index.classes.length);
      if (wrong !== undefined) throw new DataError('BadShard', `Cannot use "${shard.source}": it holds label ${wrong} but the data set has ${index.classes.length} classes. Pack the data set again`);
      labels.set(own, firsts[i]);
      return shard;
    });
    const reader = new BatchReader(dataset, options, shards, firsts, labels);
    if (reader.#order.round(options.from, options) === undefined) {
      throw new DataError('TooFewPictures', `Cannot fill a batch of ${world * batch}: the data set "${storage.uri}" has ${index.total} pictures. Set spec.batchSize to at most that`);
    }
    return reader;
  }

  async next(): Promise<Taken> {
    const { needs } = this.#options;
    const round = this.#order.round(this.#at, this.#options);
    if (round === undefined) throw new DataError('TooFewPictures', `Cannot fill a batch of the data set "${this.#dataset.storage.uri}"`);
    const { latent: [c, h, w], features } = this.#dataset.index;
    const [latents, featureRows, cls] = await Promise.all([
      this.#rows('latents', round.rows, c * h * w, this.#levels),
      needs.features && features !== undefined ? this.#rows('features', round.rows, features.tokens * features.width, halfTable()) : undefined,
      needs.cls && features !== undefined ? this.#rows('cls', round.rows, features.width, halfTable()) : undefined,
    ]);
    this.#at = round.at;
    return { batch: { latents, labels: round.rows.map((row) => this.#labels[row] as number), features: featureRows, cls }, at: round.at };
  }

  /** Rows of a half precision tensor as float32 by a table of 65,536: [rows, width]. */
  async #rows(name: string, rows: Int32Array, width: number, table: Float32Array): Promise<Float32Array> {
    const out = new Float32Array(rows.length * width);
    await mapInOrder(rows, ROWS_AT_ONCE, async (row, i) => {
      const [shard, own] = this.#find(row);
      const { bytes } = await shard.read(name, { from: own, to: own + 1 });
      const halves = toBits(bytes);
      const at = i * width;
      for (let j = 0; j < width; j++) out[at + j] = table[halves[j] as number] as number;
    });
    return out;
  }

  /** The shard of a row, and the row's number in it. */
  #find(row: number): [SafetensorsFile, number] {
    let low = 0, high = this.#shards.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#firsts[middle] as number) <= row) low = middle;
      else high = middle - 1;
    }
    return [this.#shards[low] as SafetensorsFile, row - (this.#firsts[low] as number)];
  }
}

/** Results in the order of the items, some at work at a time. After a failure no item is begun. */
export async function mapInOrder<Item, Result>(items: ArrayLike<Item>, atOnce: number, work: (item: Item, index: number) => Promise<Result>): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0, failed = false;
  const worker = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index] as Item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
