import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseResources } from '@srdit/crds/parse';
import { openDataset, type Dataset } from '../runtime/data/dataset.ts';
import { openLoader, type Loader } from '../runtime/data/loader.ts';
import { packDataset } from '../runtime/data/pack.ts';
import { sourceFolder, temporaryFolder } from '../runtime/data/testing.ts';
import { median } from '../runtime/median.ts';
import { usage } from './usage.ts';

export interface LoadResult {
  readonly pictures: number;
  readonly side: number;
  readonly packExamplesPerSecond: number;
  /** Of one rank, medians over stretches; a data set as small as this is held, byRows is how large ones are read. */
  readonly examplesPerSecond: { readonly held: number; readonly byRows: number };
  /** What one rank of the quickstart takes to be done in ten minutes. */
  readonly neededPerSecond: number;
  readonly ratio: { readonly held: number; readonly byRows: number };
  /** Share of a step of that length that is spent waiting for its batch. */
  readonly waitingShare: { readonly held: number; readonly byRows: number };
  readonly cpuSeconds: number;
  readonly peakRss: number;
}

const [COUNT, SIDE, CLASSES, PATCH] = [1906, 32, 9, 8];
const QUICKSTART_SECONDS = 600;
const STRETCHES = 9;
const STRETCH_BATCHES = 20;
const PACED_STEPS = 20;

/** Packs as many pictures as the quickstart has, and loads them as one of its ranks does: as fast as possible, and at the pace of its steps. */
export async function benchLoading(log: (line: string) => void): Promise<LoadResult> {
  const { batch, world, stepSeconds } = await quickstart();
  await using temporary = await temporaryFolder();
  log(`Makes and packs ${COUNT} pictures of ${SIDE}x${SIDE}`);
  const source = await sourceFolder(join(temporary.folder, 'source'), { count: COUNT, side: SIDE, classes: CLASSES });
  const started = performance.now(), cpu = usage().cpuSeconds;
  await packDataset(source, temporary.open('packed'), { patch: PATCH });
  const packExamplesPerSecond = COUNT / ((performance.now() - started) / 1000);
  const dataset = await openDataset(temporary.open('packed'));
  const open = (holdBytes?: number): Promise<Loader> => openRank(dataset, { batch, world, holdBytes }, temporary.environment);
  const measured = async (how: string, holdBytes?: number): Promise<{ perSecond: number; waiting: number }> => {
    log(`Loads ${STRETCHES * STRETCH_BATCHES} batches of ${batch}, ${how}`);
    const perSecond = await flatOut(await open(holdBytes), batch);
    log(`Loads a batch each ${stepSeconds.toFixed(2)} s, as a rank of the quickstart does, ${how}`);
    return { perSecond, waiting: await paced(await open(holdBytes), stepSeconds) };
  };
  const held = await measured('from memory');
  const byRows = await measured('by rows', 0);
  const neededPerSecond = batch / stepSeconds;
  return {
    pictures: COUNT, side: SIDE, packExamplesPerSecond, neededPerSecond,
    examplesPerSecond: { held: held.perSecond, byRows: byRows.perSecond },
    ratio: { held: held.perSecond / neededPerSecond, byRows: byRows.perSecond / neededPerSecond },
    waitingShare: { held: held.waiting, byRows: byRows.waiting },
    cpuSeconds: usage().cpuSeconds - cpu, peakRss: usage().peakRss,
  };
}

async function quickstart(): Promise<{ batch: number; world: number; stepSeconds: number }> {
  const file = new URL('../examples/quickstart/training.yaml', import.meta.url);
  const [training] = parseResources(await readFile(file, 'utf8'), 'training.yaml');
  if (training?.kind !== 'SRDiTTraining') throw new Error('examples/quickstart/training.yaml holds no SRDiTTraining');
  const { gang, batchSize, accumulation, steps } = training.spec;
  const world = gang.workers * gang.ranksPerWorker;
  return { world, batch: batchSize / world, stepSeconds: QUICKSTART_SECONDS / (steps * accumulation) };
}

const openRank = (dataset: Dataset, { batch, world, holdBytes }: { batch: number; world: number; holdBytes: number | undefined }, environment: Record<string, string>): Promise<Loader> => openLoader(dataset, {
  seed: 1, rank: 0, world, batch, balanceLabels: false, from: { epoch: 0, position: 0 }, needs: { cls: false, features: false }, ...(holdBytes !== undefined && { holdBytes }),
}, environment);

async function flatOut(loader: Loader, batch: number): Promise<number> {
  await using _ = loader;
  const rates: number[] = [];
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    const started = performance.now();
    for (let i = 0; i < STRETCH_BATCHES; i++) await loader.next();
    rates.push(STRETCH_BATCHES * batch / ((performance.now() - started) / 1000));
  }
  return median(rates);
}

/** The step itself is a wait that holds the program's thread, the worst that a step can do to a loader. */
async function paced(loader: Loader, stepSeconds: number): Promise<number> {
  await using _ = loader;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  await loader.next();
  const before = loader.waitedSeconds, started = performance.now();
  for (let i = 0; i < PACED_STEPS; i++) {
    Atomics.wait(sleeper, 0, 0, stepSeconds * 1000);
    await loader.next();
  }
  return (loader.waitedSeconds - before) / ((performance.now() - started) / 1000);
}
