import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { readManifest } from '@srdit/runtime/checkpoint/list.ts';
import { openStorage } from '@srdit/runtime/storage/open.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import type { Storage } from '@srdit/runtime/storage/storage.ts';
import { readMetrics } from '@srdit/runtime/train/metrics.ts';
import { ResourceError } from '@srdit/crds/parse';
import { InputError } from '../cli/errors.ts';
import { runResources } from '../cli/run.ts';
import { layout, type Layout } from '../local/files.ts';
import { lock } from '../local/lock.ts';
import { RunError } from '../local/errors.ts';
import { keyOf, load } from '../local/state.ts';
import { duration, localPath } from '../local/text.ts';
import type { Status } from '../plan/types.ts';
import type { Numbers } from './baselines.ts';
import { makeDataset } from './dataset.ts';
import { forget } from './forget.ts';
import { page } from './page.ts';
import { bringPictures } from './pictures.ts';
import { caption, lossEnds, qualityTable, tableLines, trainingSeconds, trainingTable, type Result } from './report.ts';
import { quickstartResources, type QuickstartResources } from './resources.ts';
import { terminalTeller, type Teller } from './teller.ts';

export interface QuickstartOptions {
  readonly root: string;
  /** Optimizer steps; default: those of training.yaml. */
  readonly steps?: number;
  /** Begin anew, also if there is a model already. */
  readonly fresh: boolean;
  readonly verbose: boolean;
}

/** Where the YAML files and the pinned pictures lie. */
export const EXAMPLES = fileURLToPath(new URL('../../examples/quickstart', import.meta.url));

const STOPPED = 75;
const SAMPLES = 'samples.png';
const TRAJECTORIES = 'noise-to-picture.png';
const PAGE = 'index.html';
const RESULT = 'result.json';

/** From nothing to a trained model, its samples and what they are worth. Every part is skipped where its result is there, so
 *  that the command goes on wherever it was stopped. Resolves with the exit code. */
export async function quickstart({ root, steps, fresh, verbose }: QuickstartOptions): Promise<number> {
  const teller = terminalTeller(process.stdout);
  const places = layout(root);
  const resources = quickstartResources(EXAMPLES, steps);
  const { training, evaluation } = resources;
  using _alone = onlyOne(places);
  if (fresh) forget([training.resource, evaluation.resource], places, teller);
  else forgetOldEvaluation(resources, places, teller);
  const open = (uri: string): Storage => openStorage(uri, { ...process.env, SRDIT_FILE_ROOT: places.volumes });

  {
    using stop = stoppable(teller);
    teller.say('1/4  Pictures');
    const pictures = await bringPictures(EXAMPLES, { signal: stop.signal, onProgress: (text) => teller.progress(`     ${text}`) });
    teller.say(`     ${pictures.pictures} emoji in ${pictures.categories} categories${pictures.brought ? '' : ', there already'}: ${here(pictures.folder)}`);
    const { uri } = training.resource.spec.data;
    const { total, classes, side, patch, there } = await makeDataset(pictures.folder, join(places.root, 'quickstart', 'pictures'), open(uri), process.stdout);
    teller.say(`     ${total} pictures of ${side}x${side} in ${classes.length} classes, ${(side / patch) ** 2} tokens of ${patch}x${patch} pixels each${there ? ', there already' : ''}: ${here(localPath(uri, places.volumes))}`);
  }

  teller.say(`\n2/4  Training and 3/4  evaluation: what ./srdit run -f ${here(training.file)} -f ${here(evaluation.file)} does`);
  const { exitCode, results } = await runResources([training.resource, evaluation.resource], { root, verbose }).catch((error: unknown) => {
    if (!(error instanceof ResourceError)) throw error;
    throw new InputError(`${error.message}\nOr say ./srdit quickstart --fresh, which forgets the model that was begun with the old values`, { cause: error });
  });
  if (exitCode !== 0) return exitCode;
  const measured = (results.find((stored) => stored.kind === 'SRDiTEvaluation')?.status as Status | undefined)?.results?.[0];
  if (measured === undefined) throw new Error('A complete evaluation has no result in its status');

  using _stop = stoppable(teller);
  teller.say('\n4/4  Comparison with noise and with the untrained model');
  const folder = join(places.root, 'quickstart', training.resource.metadata.name);
  await mkdir(folder, { recursive: true });
  await conclude({ resources, places, open, folder, teller, checkpoint: measured.checkpoint, features: measured.features, evaluation: measured });
  return 0;
}

/** An evaluation of fewer steps, or as evaluation.yaml was before a change, is no result of this quickstart. */
function forgetOldEvaluation({ training, evaluation }: QuickstartResources, places: Layout, teller: Teller): void {
  const { resource } = evaluation;
  const stored = load(places, keyOf(resource));
  if (stored === undefined) return;
  const step = (stored.status as Status | undefined)?.results?.[0]?.step;
  const older = step !== undefined && step !== training.resource.spec.steps && resource.spec.checkpoint.training?.name === training.resource.metadata.name;
  if (!older && isDeepStrictEqual(stored.spec, JSON.parse(JSON.stringify(resource.spec)))) return;
  teller.say(`${older ? `The evaluation there is was made at step ${step}` : `${here(evaluation.file)} has changed`}: it is made anew`);
  forget([resource], places, teller);
}

interface Conclusion {
  readonly resources: QuickstartResources;
  readonly places: Layout;
  readonly open: (uri: string) => Storage;
  readonly folder: string;
  readonly teller: Teller;
  readonly checkpoint: string;
  readonly features: string;
  readonly evaluation: NonNullable<Status['results']>[number];
}

/** Numbers, grids and page, written unless this very evaluation has them already, and shown. */
async function conclude({ resources: { training, evaluation }, open, folder, teller, checkpoint, features, evaluation: measured }: Conclusion): Promise<void> {
  const storage = new FileStorage('file:///quickstart', folder);
  const { manifest, ref } = await readManifest(open(checkpoint), '');
  const key = createHash('sha256').update(JSON.stringify([ref.digest, measured, training.text, evaluation.text])).digest('hex');
  let result = await finished(storage, key);
  if (result === undefined) {
    teller.progress('Starting TensorFlow');
    const { measureBaselines } = await import('./baselines.ts');
    const { sampleGrid, trajectoryGrid } = await import('./figures.ts');
    const { readWeights } = await import('@srdit/runtime/checkpoint/read.ts');
    const { startEngine } = await import('@srdit/runtime/engine/index.ts');
    const { spec } = evaluation.resource;
    const engine = startEngine(spec.gang.gpu.perRank === 0 ? { device: 'cpu' } : {});
    const reference = spec.reference.data ?? training.resource.spec.data.uri;
    const baselines = await measureBaselines({
      engine, manifest, spec, data: open(reference), storage,
      onProgress: (picture, of) => teller.progress(`Untrained model: picture ${picture}/${of}`),
    });
    teller.progress('Drawing the grids');
    const samples = await sampleGrid(open(spec.storage.uri), manifest.model.numClasses, measured.count);
    const trajectories = await trajectoryGrid(engine, manifest, await readWeights(open(checkpoint), manifest, spec.checkpoint.weights), spec);
    const lines = await readMetrics(open(training.resource.spec.storage.uri));
    const { gang, batchSize, accumulation } = training.resource.spec;
    const trained: Numbers = {
      frechetDistance: measured.frechetDistance, count: measured.count, referenceCount: baselines.noise.referenceCount,
      ...(measured.precision !== undefined && { precision: measured.precision }), ...(measured.recall !== undefined && { recall: measured.recall }),
    };
    result = {
      ...baselines, trained, steps: measured.step, batchSize: batchSize * accumulation, ranks: gang.workers * gang.ranksPerWorker,
      trainingSeconds: trainingSeconds(lines), loss: lossEnds(lines), features,
    };
    await storage.write(SAMPLES, samples);
    await storage.write(TRAJECTORIES, trajectories);
    await storage.write(PAGE, new TextEncoder().encode(page({
      title: 'SR-DiT learns emoji',
      lead: `A diffusion transformer trained from noise on ${baselines.noise.referenceCount} emoji, in ${duration(result.trainingSeconds)} on this machine.`,
      tables: [trainingTable(result), qualityTable(result)], note: caption(result), curve: lines,
      figures: [
        { title: 'Samples', caption: 'One category a row, drawn from noise.', png: samples },
        { title: 'From noise to picture', caption: `Eight looks at the ${spec.sampler.steps} steps of the sampler, one category a row.`, png: trajectories },
      ],
      sources: [training, evaluation].map(({ file, text }) => ({ name: here(file), text })),
    })));
    await storage.write(RESULT, new TextEncoder().encode(`${JSON.stringify({ key, result }, undefined, 1)}\n`)); // last: it makes the others count
  }
  for (const line of tableLines(trainingTable(result))) teller.say(`     ${line}`);
  teller.say('');
  for (const line of tableLines(qualityTable(result))) teller.say(`     ${line}`);
  teller.say(`     ${caption(result)}\n`);
  teller.say(`  samples           ${here(join(folder, SAMPLES))}`);
  teller.say(`  noise to picture  ${here(join(folder, TRAJECTORIES))}`);
  teller.say(`  page              ${here(join(folder, PAGE))} (open it in a browser)`);
}

async function finished(storage: Storage, key: string): Promise<Result | undefined> {
  for (const name of [RESULT, SAMPLES, TRAJECTORIES, PAGE]) if (!await storage.exists(name)) return undefined;
  try {
    const kept = JSON.parse(new TextDecoder().decode(await storage.read(RESULT, { limitBytes: 2 ** 20 }))) as { key: string; result: Result };
    return kept.key === key ? kept.result : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // written anew
    throw error;
  }
}

const here = (path: string): string => { const near = relative(process.cwd(), path); return near.startsWith('../..') ? path : near; };

/** @throws RunError InUse */
function onlyOne(places: Layout): Disposable {
  const held = lock(join(places.root, 'quickstart', 'lock'));
  if (Symbol.dispose in held) return held;
  throw new RunError('InUse', `Cannot start the quickstart: process ${held.pid} runs it already below "${places.root}". Watch it with ./srdit status, or give another --root`);
}

/** What is not run by the executor may end at once: all it writes becomes valid by a rename. */
function stoppable(teller: Teller): Disposable & { readonly signal: AbortSignal } {
  const abort = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const heard = (): void => {
    abort.abort(); // ends npm, where it runs
    teller.say('Stopped; the same command goes on from here');
    process.exit(STOPPED);
  };
  for (const signal of signals) process.on(signal, heard);
  return { signal: abort.signal, [Symbol.dispose]: () => { for (const signal of signals) process.off(signal, heard); } };
}
