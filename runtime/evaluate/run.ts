import type { EvaluationResult } from '@srdit/crds';
import { CheckpointError } from '../checkpoint/error.ts';
import { readManifest } from '../checkpoint/list.ts';
import { readWeights } from '../checkpoint/read.ts';
import { holdCheckpoint } from '../checkpoint/retain.ts';
import { ExitError, wrongConfiguration } from '../cli/exit.ts';
import type { Done, EvaluationContext } from '../cli/context.ts';
import { decoderOf } from '../generate/decode.ts';
import { FinishedPictures } from '../generate/finished.ts';
import { generateSeries } from '../generate/generate.ts';
import { openGenerator } from '../generate/generator.ts';
import { pictureGrid } from '../generate/grid.ts';
import { PictureError } from '../generate/pictures.ts';
import { encodePng } from '../generate/png.ts';
import { ModelConfigError } from '../model/config.ts';
import { isConfiguration, StorageError, type Storage } from '../storage/storage.ts';
import { deviceProduct } from './device-product.ts';
import { compare, gather, SAMPLE_POINTS, type Measured, type Measurement } from './measure.ts';
import { openNpz, writeNpz } from './npz.ts';
import { dataReference, npzPictures, readReference } from './reference.ts';
import { inRound } from './round.ts';
import { EvaluateError } from './rows.ts';

/** Pictures of the grid, at most. */
const GRID_PICTURES = 64;
/** Pictures read back at a time. */
const CHUNK = 64;
/** Rows of a block of distances on the device. */
const BLOCK = 2048;

const RESULT = 'result.json';
const SAMPLES = 'samples.npz';
const GRID = 'grid.png';

/** result.json: what status shows, and under which circumstances it was measured. */
interface Result extends EvaluationResult {
  /** Digest of the checkpoint's manifest. */
  readonly digest: string;
  readonly metrics: string;
  readonly referenceCount: number;
  readonly dimensions: number;
  readonly warnings: readonly string[];
  readonly settings: unknown;
}

/** An evaluation from checkpoint to numbers, or one round of an evaluation of every checkpoint: draws the missing pictures of
 *  this rank's share; rank 0 then measures them and writes grid.png, samples.npz and, last, result.json. Throws ExitError:
 *  64 for what cannot be evaluated, 65 for weights that give NaN, 75 when stopped (finished pictures are kept). */
export async function runEvaluation(context: EvaluationContext): Promise<Done> {
  try {
    return await (context.config.series === undefined ? evaluate(context) : inRound(context, evaluate));
  } catch (error) {
    if (error instanceof PictureError && error.code === 'NotFinite') throw new ExitError('Diverged', 'Diverged', error.message, { cause: error });
    if (error instanceof EvaluateError || error instanceof PictureError || error instanceof CheckpointError || error instanceof ModelConfigError) {
      throw wrongConfiguration(error.code, error.message, error);
    }
    if (isConfiguration(error)) throw wrongConfiguration(error.code, error.message, error);
    throw error;
  }
}

async function evaluate(context: EvaluationContext): Promise<Done> {
  const { config: { spec, checkpointUri }, storage, engine, gang, rank, log } = context;
  context.report({ phase: 'Loading', step: 0, of: spec.count });
  const checkpoint = context.open(checkpointUri);
  const { manifest, ref } = await readManifest(checkpoint, '');
  const pictureSettings = {
    checkpoint: ref.digest, weights: spec.checkpoint.weights, sampler: spec.sampler, seed: spec.seed, balancedLabels: spec.balancedLabels,
  };
  const settings = { ...pictureSettings, count: spec.count, reference: spec.reference, features: spec.features, neighbours: spec.neighbours };
  const release = rank === 0 ? await hold(context, checkpoint) : undefined;
  const before = await earlierResult(context, ref.digest, settings);
  if (before !== undefined) {
    await release?.();
    return done(before, `Already evaluated: ${sentence(before)}`);
  }

  // A reference that cannot be used should not cost an hour of sampling first.
  const reference = rank === 0 ? await loadReference(context) : undefined;
  if (reference !== undefined && reference.statistics.count > 0) {
    log.info(`Reference: ${reference.statistics.count} pictures in ${reference.statistics.mean.length} dimensions`);
  }
  const decoder = decoderOf(manifest.tokenizer, manifest.model);
  if (spec.features.size > decoder.side) {
    throw wrongConfiguration('BadFeatures', `Cannot scale pictures of ${decoder.side}x${decoder.side} down to ${spec.features.size}x${spec.features.size}. Set spec.features.size to at most ${decoder.side}`);
  }
  const weights = await readWeights(checkpoint, manifest, spec.checkpoint.weights);
  context.report({ phase: 'Compiling' });
  const finished = new FinishedPictures(storage, pictureSettings);
  {
    using generator = openGenerator(engine, {
      config: manifest.model, weights, decoder, batch: Math.min(spec.batchSize, spec.count),
      sampling: { sampler: spec.sampler, timeShift: manifest.objective.timeShift, path: manifest.objective.path },
    });
    const started = performance.now();
    const complete = await generateSeries(generator, spec, finished, gang, engine, {
      stopRequested: () => context.stopRequested(),
      onProgress: ({ pictures, drawn }) => {
        const rate = drawn / ((performance.now() - started) / 1000);
        context.report({ phase: 'Sampling', step: pictures, of: spec.count, ...(drawn > 0 && { imagesPerSecond: rate, etaSeconds: (spec.count - pictures) / rate }) });
      },
    });
    if (!complete) throw new ExitError('Stopped', 'Stopped', 'Stopped on request; the pictures drawn so far are kept');
  }
  if (reference === undefined) return { reason: 'Drawn', message: `Rank ${rank} has drawn its share of ${spec.count} pictures` };
  context.report({ phase: 'Measuring', step: spec.count });
  const result = await measure(context, finished, decoder.side, reference, { step: manifest.step, digest: ref.digest, settings });
  for (const warning of result.warnings) log.warn(warning);
  await release?.();
  return done(result, sentence(result));
}

/** Keeps retention away from the checkpoint until it is measured, also while a next attempt starts (for a day at most). One
 *  that may only be read is nobody's to remove, as far as we know. */
async function hold({ config, log }: EvaluationContext, checkpoint: Storage): Promise<() => Promise<void>> {
  try {
    return await holdCheckpoint(checkpoint, '', config.uid);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    log.info(`The checkpoint cannot be marked as in use: ${error.message}`);
    return () => Promise.resolve();
  }
}

/** The result of an earlier attempt with the same settings: nothing is left to do then. */
async function earlierResult({ storage, log }: EvaluationContext, digest: string, settings: unknown): Promise<Result | undefined> {
  if (!await storage.exists(RESULT)) return undefined;
  try {
    const result = JSON.parse(new TextDecoder().decode(await storage.read(RESULT, { limitBytes: 2 ** 20 }))) as Result;
    if (result.digest === digest && JSON.stringify(result.settings) === JSON.stringify(settings)) return result;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  log.warn(`${RESULT} of "${storage.uri}" belongs to other settings and will be replaced`);
  return undefined;
}

async function loadReference(context: EvaluationContext): Promise<Measured> {
  const { reference, features } = context.config.spec;
  if (reference.npz !== undefined) {
    const cut = reference.npz.lastIndexOf('/');
    return readReference(context.open(reference.npz.slice(0, cut)), reference.npz.slice(cut + 1), features.size);
  }
  if (reference.data === undefined) throw wrongConfiguration('BadReference', 'Cannot measure without a reference. Set spec.reference.data or spec.reference.npz');
  return dataReference(context.open(reference.data), features.size);
}

async function measure(
  context: EvaluationContext, finished: FinishedPictures, side: number, reference: Measured, about: { readonly step: number; readonly digest: string; readonly settings: unknown },
): Promise<Result> {
  const { config: { spec, checkpointUri }, storage, engine } = context;
  const grid = pictureGrid(await finished.read(0, Math.min(GRID_PICTURES, spec.count), side));
  await storage.write(GRID, await encodePng(grid.rgb, grid.width, grid.height));
  const all = async function* (): AsyncGenerator<Uint8Array> {
    for (let first = 0; first < spec.count; first += CHUNK) yield (await finished.read(first, Math.min(CHUNK, spec.count - first), side)).data;
  };
  await writeNpz(storage, SAMPLES, [{ name: 'arr_0', type: '|u1', shape: [spec.count, side, side, 3], rows: all() }]);
  // What is measured is what the file holds.
  using npz = await openNpz(storage, SAMPLES);
  const samples = await gather(npzPictures(npz, SAMPLES), spec.features.size, SAMPLE_POINTS);
  const measurement = await compareOnDevice(engine, samples, reference, spec.neighbours);
  const result: Result = {
    checkpoint: checkpointUri, step: about.step, count: measurement.count, features: `pixels ${spec.features.size}x${spec.features.size}`,
    frechetDistance: measurement.frechetDistance,
    ...(measurement.precision !== undefined && { precision: measurement.precision }), ...(measurement.recall !== undefined && { recall: measurement.recall }),
    samples: `${storage.uri}/${SAMPLES}`, grid: `${storage.uri}/${GRID}`,
    digest: about.digest, metrics: 'pixel Fréchet distance, precision and recall on downscaled pictures; not comparable with FID',
    referenceCount: measurement.referenceCount, dimensions: measurement.dimensions, warnings: measurement.warnings, settings: about.settings,
  };
  await storage.write(RESULT, new TextEncoder().encode(`${JSON.stringify(result, undefined, 1)}\n`));
  return result;
}

async function compareOnDevice(engine: EvaluationContext['engine'], samples: Measured, reference: Measured, neighbours: number): Promise<Measurement> {
  using device = deviceProduct(engine, BLOCK, samples.statistics.mean.length);
  return await compare(samples, reference, { neighbours, product: device.product, block: BLOCK }); // await: the device is released at the end of this block
}

const rounded = (value: number): string => value.toPrecision(4);
const sentence = (result: EvaluationResult): string =>
  `Pixel Fréchet distance ${rounded(result.frechetDistance)}${result.precision === undefined ? '' : `, precision ${rounded(result.precision)}`}`
  + `${result.recall === undefined ? '' : `, recall ${rounded(result.recall)}`} of ${result.count} pictures at step ${result.step}`;

function done(result: Result, message: string): Done {
  const { checkpoint, step, count, features, frechetDistance, precision, recall, samples, grid } = result;
  return {
    reason: 'Evaluated', message, step: count,
    result: {
      checkpoint, step, count, features, frechetDistance, ...(precision !== undefined && { precision }), ...(recall !== undefined && { recall }),
      ...(samples !== undefined && { samples }), ...(grid !== undefined && { grid }),
    },
  };
}
