import { randomFillSync } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ObjectiveSpec } from '@srdit/crds';
import { claimAttempt } from '../runtime/checkpoint/claim.ts';
import { checkpointPath } from '../runtime/checkpoint/paths.ts';
import { readNewest } from '../runtime/checkpoint/read.ts';
import { writeCheckpoint, type Contents } from '../runtime/checkpoint/write.ts';
import { openDataset } from '../runtime/data/dataset.ts';
import { openLoader } from '../runtime/data/loader.ts';
import { packDataset } from '../runtime/data/pack.ts';
import { sourceFolder } from '../runtime/data/testing.ts';
import type { ModelConfig } from '../runtime/model/config.ts';
import { parameterTable } from '../runtime/model/parameters.ts';
import type { TensorEntry } from '../runtime/safetensors/types.ts';
import { openStorage } from '../runtime/storage/open.ts';
import type { Storage } from '../runtime/storage/storage.ts';
import { bringEmulator, startEmulator } from '../runtime/storage/testing/emulator.ts';
import { BENCH_MODEL } from './setup.ts';
import { median } from '../runtime/median.ts';
import { usage } from './usage.ts';

/** Rates in MB/s, ratios to copying the same files on the same disk. */
interface Rate { readonly megabytesPerSecond: number; readonly ratio: number }
interface Of<T> { readonly file: T; readonly gs: T }

export interface StorageResult {
  readonly checkpointMegabytes: number;
  /** Files copied by the system, synced to the disk. */
  readonly copyMegabytesPerSecond: number;
  /** The emulator alone: the same bytes by one plain request, no checksums. What gs:// is measured against cannot be faster. */
  readonly emulator: { readonly put: Rate; readonly get: Rate };
  /** unlimited: gs:// against a server in memory that computes nothing, so that only our side is measured. */
  readonly save: Of<Rate> & { readonly unlimited: Rate };
  readonly load: Of<Rate> & { readonly unlimited: Rate };
  readonly examplesPerSecond: { readonly held: Of<number>; readonly byRows: Of<number> };
  /** Bytes of examples over time. */
  readonly reader: { readonly held: Of<Rate>; readonly byRows: Of<Rate> };
  readonly cpuSeconds: number;
  readonly peakRss: number;
}

const BUCKET = 'srdit-bench';
const [PICTURES, SIDE, CLASSES, PATCH] = [1906, 32, 9, 8];
const [BATCH, STRETCHES, STRETCH_BATCHES] = [32, 9, 10];

/** Saves and loads a checkpoint of about `megabytes`, and reads a packed data set, on a folder and on the emulator of Cloud Storage, in turns. */
export async function benchStorage({ megabytes, repeats, log }: { megabytes: number; repeats: number; log: (line: string) => void }): Promise<StorageResult> {
  const { program, missing } = await bringEmulator();
  if (program === undefined) throw new Error(`Cannot measure gs://: ${missing ?? 'there is no emulator'}`);
  const root = await mkdtemp(join(tmpdir(), 'srdit-bench-'));
  try {
    await using emulator = await startEmulator(program, join(root, 'buckets'));
    await emulator.createBucket(BUCKET);
    const environment = { SRDIT_FILE_ROOT: root, STORAGE_EMULATOR_HOST: emulator.url };
    const bucket = new Worker(new URL('counting-bucket.ts', import.meta.url));
    using _ = { [Symbol.dispose]: () => { void bucket.terminate(); } };
    const [port] = await once(bucket, 'message') as [number];
    const places = {
      file: openStorage('file:///run', environment), gs: openStorage(`gs://${BUCKET}/run`, environment),
      unlimited: openStorage(`gs://${BUCKET}/run`, { STORAGE_EMULATOR_HOST: `127.0.0.1:${port}` }),
    };
    const checkpoints = await benchCheckpoints(places, { megabytes, repeats, root, url: emulator.url, log });
    const sets = { file: openStorage('file:///data', environment), gs: openStorage(`gs://${BUCKET}/data`, environment) };
    const read = await benchReader(sets, environment, root, log);
    const rateOf = (perSecond: number): Rate => rate(perSecond * read.rowBytes / 1e6, checkpoints.copyMegabytesPerSecond);
    const rates = (of: Of<number>): Of<Rate> => ({ file: rateOf(of.file), gs: rateOf(of.gs) });
    return {
      ...checkpoints, examplesPerSecond: { held: read.held, byRows: read.byRows }, reader: { held: rates(read.held), byRows: rates(read.byRows) },
      cpuSeconds: usage().cpuSeconds, peakRss: usage().peakRss,
    };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const rate = (megabytesPerSecond: number, copy: number): Rate => ({ megabytesPerSecond, ratio: megabytesPerSecond / copy });
async function seconds(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return (performance.now() - started) / 1000;
}

const KINDS = ['file', 'gs', 'unlimited'] as const;
type Kind = typeof KINDS[number];
const each = <T>(make: (kind: Kind) => T): Record<Kind, T> => ({ file: make('file'), gs: make('gs'), unlimited: make('unlimited') });

async function benchCheckpoints(places: Record<Kind, Storage>, { megabytes, repeats, root, url, log }: { megabytes: number; repeats: number; root: string; url: string; log: (line: string) => void }): Promise<Pick<StorageResult, 'checkpointMegabytes' | 'copyMegabytesPerSecond' | 'emulator' | 'save' | 'load'>> {
  const [warm, whole] = [contentsOf(modelOf(Math.min(megabytes, 100))), contentsOf(modelOf(megabytes))];
  const claims = each((kind) => claimAttempt(places[kind], OWNER));
  const took = { copy: [] as number[], put: [] as number[], get: [] as number[], save: each((): number[] => []), load: each((): number[] => []) };
  let bytes = 0;
  // The first turn warms caches and compilers up, with less, and does not count.
  for (let turn = 0; turn <= repeats; turn++) {
    log(turn === 0 ? 'Saves and loads once to warm up' : `Turn ${turn} of ${repeats}`);
    for (const kind of KINDS) {
      const claim = await claims[kind];
      took.save[kind].push(await seconds(async () => { bytes = (await writeCheckpoint(places[kind], claim, turn === 0 ? warm : whole)).bytes; }));
    }
    took.copy.push(await seconds(() => copyFolder(join(root, 'run', checkpointPath(1, 1)), join(root, `copy-${turn}`))));
    await rm(join(root, `copy-${turn}`), { recursive: true });
    took.put.push(await seconds(() => plainRequest(`${url}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=plain`, 'POST', bytes)));
    took.get.push(await seconds(() => plainRequest(`${url}/storage/v1/b/${BUCKET}/o/plain?alt=media`, 'GET', 0)));
    for (const kind of KINDS) took.load[kind].push(await seconds(() => readNewest(places[kind], (error) => { throw error; })));
  }
  const speed = (all: readonly number[]): number => bytes / 1e6 / median(all.slice(1));
  const copy = speed(took.copy);
  return {
    checkpointMegabytes: bytes / 1e6, copyMegabytesPerSecond: copy, emulator: { put: rate(speed(took.put), copy), get: rate(speed(took.get), copy) },
    save: each((kind) => rate(speed(took.save[kind]), copy)), load: each((kind) => rate(speed(took.load[kind]), copy)),
  };
}

const OWNER = { uid: 'bench', namespace: 'default', name: 'bench', attempt: 1 };

/** The bench's model without its projector, as deep as it takes: weights, their average and two moments, four bytes each. */
function modelOf(megabytes: number): ModelConfig {
  const model = { ...BENCH_MODEL, featureWidths: [] };
  const size = (depth: number): number => 16 * parameterTable({ ...model, depth }).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0) / 1e6;
  const [one, two] = [size(4), size(6)];
  return { ...model, depth: Math.max(4, 4 + 2 * Math.round((megabytes - one) / (two - one))) };
}

function contentsOf(model: ModelConfig): Contents {
  // Any bytes will do, but not such that compress.
  const noise = randomFillSync(Buffer.alloc(1 << 26));
  const all = parameterTable(model);
  const trained = all.filter(({ kind }) => kind === 'trained');
  const entries = (infos: typeof all, prefix = ''): TensorEntry[] => infos.map(({ name, shape }) => ({ name: prefix + name, dtype: 'F32', shape, bytes: noise.subarray(0, 4 * shape.reduce((a, b) => a * b, 1)) }));
  return {
    manifest: {
      training: { uid: OWNER.uid, namespace: OWNER.namespace, name: OWNER.name, generation: 1 }, step: 1, world: 1, seed: 0, data: { digest: 'none', epoch: 0, position: 0 },
      model, objective: ObjectiveSpec.parse({}), tokenizer: { kind: 'pixel' },
    },
    files: { 'model.safetensors': entries(all), 'ema.safetensors': entries(all), 'optimizer.safetensors': [...entries(trained, 'm.'), ...entries(trained, 'v.')] },
  };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) {
    await copyFile(join(from, name), join(to, name));
    await using file = await open(join(to, name), 'r+');
    await file.sync();
  }
}

/** So many bytes up, or what there is down, with nothing done to them. */
function plainRequest(url: string, method: 'POST' | 'GET', bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const ask = request(url, { method, headers: method === 'POST' ? { 'content-length': bytes } : {} }, (answer) => {
      answer.resume().once('end', () => { if ((answer.statusCode ?? 0) < 300) resolve(); else reject(new Error(`The emulator answered ${answer.statusCode}`)); }).once('error', reject);
    }).once('error', reject);
    const piece = Buffer.alloc(1 << 20);
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        const now = Math.min(left, piece.length);
        left -= now;
        if (!ask.write(piece.subarray(0, now))) {
          ask.once('drain', more);
          return;
        }
      }
      ask.end();
    };
    more();
  });
}

async function benchReader(sets: Of<Storage>, environment: Record<string, string>, root: string, log: (line: string) => void): Promise<{ held: Of<number>; byRows: Of<number>; rowBytes: number }> {
  log(`Packs ${PICTURES} pictures of ${SIDE}x${SIDE} and reads them as a rank does`);
  const source = await sourceFolder(join(root, 'source'), { count: PICTURES, side: SIDE, classes: CLASSES });
  await packDataset(source, sets.file, { patch: PATCH });
  for (const { path } of await sets.file.list('')) await sets.gs.write(path, sets.file.readStream(path));
  const measure = async (storage: Storage, holdBytes?: number): Promise<number> => {
    await using loader = await openLoader(await openDataset(storage), {
      seed: 1, rank: 0, world: 1, batch: BATCH, balanceLabels: false, from: { epoch: 0, position: 0 }, needs: { cls: false, features: false }, ...(holdBytes !== undefined && { holdBytes }),
    }, environment);
    const rates: number[] = [];
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      const took = await seconds(async () => { for (let i = 0; i < STRETCH_BATCHES; i++) await loader.next(); });
      rates.push(STRETCH_BATCHES * BATCH / took);
    }
    return median(rates);
  };
  return {
    held: { file: await measure(sets.file), gs: await measure(sets.gs) }, byRows: { file: await measure(sets.file, 0), gs: await measure(sets.gs, 0) },
    rowBytes: 2 * 3 * SIDE * SIDE,
  };
}
