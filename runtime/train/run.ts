import type { TrainingSpec } from '@srdit/crds';
import { attemptStorage } from '../checkpoint/claim.ts';
import { stepName } from '../checkpoint/paths.ts';
import type { Contents } from '../checkpoint/write.ts';
import type { Done, TrainingContext } from '../cli/context.ts';
import { ExitError, wrongConfiguration } from '../cli/exit.ts';
import type { HostBatch } from '../data/batch.ts';
import { openDataset, type Dataset } from '../data/dataset.ts';
import { DataError } from '../data/error.ts';
import { openLoader } from '../data/loader.ts';
import { decoderOf } from '../generate/decode.ts';
import { PictureError } from '../generate/pictures.ts';
import { modelConfig, ModelConfigError, type ModelConfig } from '../model/config.ts';
import { parameterCount } from '../model/parameters.ts';
import { isConfiguration } from '../storage/storage.ts';
import { Checkpointer } from './checkpointer.ts';
import { MetricsWriter } from './metrics.ts';
import { Preview } from './preview.ts';
import { Recorder } from './recorder.ts';
import { findStart, type Start } from './start.ts';
import { TrainingState } from './state.ts';
import { TrainStep, type StepReport } from './step.ts';

/** A training from its data set to its last checkpoint, or from the newest checkpoint on. Every rank runs this.
 *  Throws ExitError: 64 for what cannot be trained, 65 when the loss is no number, 75 when stopped (after a checkpoint);
 *  PeerLostError (76). */
export async function runTraining(context: TrainingContext): Promise<Done> {
  try {
    return await train(context);
  } catch (error) {
    if (error instanceof ModelConfigError || error instanceof DataError) throw wrongConfiguration(error.code, error.message, error);
    if (isConfiguration(error)) throw wrongConfiguration(error.code, error.message, error);
    throw error;
  }
}

async function train(context: TrainingContext): Promise<Done> {
  const { config: { spec }, engine, gang, log } = context;
  context.report({ phase: 'Loading', step: 0, of: spec.steps });
  const dataset = await openDataset(context.open(spec.data.uri));
  const config = configOf(spec, dataset, context.world);
  const decoder = decoderOf(dataset.index.tokenizer, config);
  await using held = new AsyncDisposableStack();
  const { step: first, at, claim, lossEma, state: onDevice } = await begin(context, config, dataset.digest);
  const state = held.use(onDevice);
  if (gang.rank === 0) log.info(`${(parameterCount(config) / 1e6).toFixed(1)} M parameters, ${dataset.index.total} pictures, ${context.world} ${context.world === 1 ? 'rank' : 'ranks'} of ${spec.batchSize / context.world} pictures`);
  const checkpointer = claim === undefined ? undefined : new Checkpointer(context.storage, claim, config, { keep: spec.checkpoints.keep, log, changed: (kept) => { context.report(kept); } });
  await checkpointer?.look();
  if (first >= spec.steps) return done(spec, first, checkpointer);

  context.report({ phase: 'Compiling', step: first, ...(lossEma !== undefined && { lossEma }) });
  const batch = spec.batchSize / context.world;
  const step = held.use(new TrainStep(engine, gang, state, config, {
    objective: spec.objective, optimizer: spec.optimizer, seed: spec.seed, precision: spec.precision, steps: spec.steps, accumulation: spec.accumulation, batch,
  }));
  const loader = held.use(await openLoader(dataset, {
    seed: spec.seed, rank: gang.rank, world: gang.world, batch, balanceLabels: spec.data.balanceLabels, from: at,
    needs: { cls: config.classTokenWidth > 0, features: config.featureWidths.length > 0 },
  }));
  const preview = spec.samples.everySteps > 0 ? held.use(new Preview(engine, gang, config, spec, decoder, state)) : undefined;
  const metrics = claim === undefined ? undefined : new MetricsWriter(context.storage, claim.attempt, first, log);
  held.defer(async () => { await metrics?.flush(); });
  const samples = claim === undefined ? undefined : attemptStorage(context.storage, claim);

  let position = at;
  const next = async (): Promise<HostBatch> => {
    const taken = await loader.next();
    position = taken.at;
    return taken.batch;
  };
  const recorder = new Recorder({ spec, loader, metrics, lossEma, report: (progress) => { context.report(progress); } });
  const save = async (k: number): Promise<void> => {
    context.report({ phase: 'Checkpointing' });
    await checkpointer?.save(() => state.snapshot(), manifestOf(context, config, dataset, { k, position, losses: recorder.losses }));
    context.report({ phase: 'Training' });
  };

  for (let k = first + 1; k <= spec.steps; k++) {
    const started = performance.now();
    let report: StepReport;
    {
      using pending = await step.run(k, next, context.stopRequested());
      report = pending.read();
    }
    refuseNaN(report, k, checkpointer);
    recorder.add(k, position.epoch, report, (performance.now() - started) / 1000);
    checkpointer?.check();

    const last = k === spec.steps;
    if (preview !== undefined && !report.stop && (last || k % spec.samples.everySteps === 0)) {
      context.report({ phase: 'Sampling' });
      const grid = await drawGrid(preview, k, checkpointer);
      if (grid !== undefined && samples !== undefined) {
        const path = `samples/${stepName(k)}.png`;
        await samples.write(path, grid.png);
        metrics?.image(k, 'samples', grid.png, grid.width, grid.height);
        context.report({ samples: { step: k, uri: `${samples.uri}/${path}` } });
      }
      context.report({ phase: 'Training' });
    }
    if (report.stop || last || k % spec.checkpoints.everySteps === 0) await save(k);
    if (report.stop && !last) {
      const written = await finish(checkpointer);
      // Ranks leave together: the launcher of a pod ends the others soon after the first.
      await gang.barrier();
      throw new ExitError('Stopped', 'Stopped', `Stopped on request after step ${k} of ${spec.steps}; the checkpoint is written`, { step: k, ...(written !== undefined && { checkpoint: written }) });
    }
  }
  await finish(checkpointer);
  await gang.barrier();
  return done(spec, spec.steps, checkpointer);
}

/** The state on the device; the host's copy, which is as large, ends here. */
async function begin(context: TrainingContext, config: ModelConfig, digest: string): Promise<Omit<Start, 'state'> & { readonly state: TrainingState }> {
  const { state, ...start } = await findStart(context, config, digest);
  return { ...start, state: new TrainingState(context.engine, config, state) };
}

/** The model that the spec asks for on this data. Throws ExitError (64), ModelConfigError. */
function configOf(spec: TrainingSpec, dataset: Dataset, world: number): ModelConfig {
  const { latent: [channels, latentSize], features, classes } = dataset.index;
  if (spec.data.teacherFeatures && features === undefined) {
    throw wrongConfiguration('NoFeatures', `Cannot train: the data set "${spec.data.uri}" holds no teacher features. Set data.teacherFeatures, model.classToken and objective.alignment.enabled to false, or pack the data set with features`);
  }
  if (classes.length > spec.model.numClasses) {
    throw wrongConfiguration('TooManyClasses', `Cannot train: the data set "${spec.data.uri}" has ${classes.length} classes but model.numClasses is ${spec.model.numClasses}. Set model.numClasses to ${classes.length}`);
  }
  if (spec.batchSize % world !== 0) throw wrongConfiguration('BadBatch', `Cannot share ${spec.batchSize} pictures among ${world} ranks. Set spec.batchSize to a multiple of ${world}`);
  if (dataset.index.total < spec.batchSize) throw wrongConfiguration('TooFewPictures', `Cannot fill a batch of ${spec.batchSize}: the data set "${spec.data.uri}" has ${dataset.index.total} pictures. Set spec.batchSize to at most that`);
  return modelConfig(spec, { channels, latentSize, features: spec.data.teacherFeatures ? features : undefined });
}

interface Moment { readonly k: number; readonly position: Start['at']; readonly losses: Recorder['losses'] }

function manifestOf({ config, world }: TrainingContext, model: ModelConfig, dataset: Dataset, { k, position, losses }: Moment): Contents['manifest'] {
  const { uid, namespace, name, generation, spec } = config;
  return {
    training: { uid, namespace, name, generation }, step: k, world, seed: spec.seed,
    data: { digest: dataset.digest, epoch: position.epoch, position: position.position },
    model, objective: spec.objective, tokenizer: dataset.index.tokenizer, ...losses,
  };
}

/** Losses are means over ranks, so every rank sees the same and ends. */
function refuseNaN(report: StepReport, k: number, checkpointer: Checkpointer | undefined): void {
  if (Number.isFinite(report.loss) && Number.isFinite(report.gradNorm)) return;
  throw diverged(`the loss of step ${k} is ${report.loss} and the norm of its gradients ${report.gradNorm}`, k, checkpointer);
}

function diverged(what: string, k: number, checkpointer: Checkpointer | undefined): ExitError {
  const last = checkpointer?.last;
  return new ExitError('Diverged', 'Diverged',
    `The training has diverged: ${what}. ${last === undefined ? 'There is no good checkpoint' : `The last good checkpoint is "${last.uri}"`}. Lower optimizer.learningRate or lengthen optimizer.warmupSteps in another training`,
    { step: k, ...(last !== undefined && { checkpoint: last }) });
}

async function drawGrid(preview: Preview, k: number, checkpointer: Checkpointer | undefined): ReturnType<Preview['draw']> {
  try {
    return await preview.draw();
  } catch (error) {
    if (error instanceof PictureError && error.code === 'NotFinite') throw diverged(`the averaged weights give pictures that are no numbers after step ${k}`, k, checkpointer);
    throw error;
  }
}

/** Waits for the last checkpoint: an end without it would lose steps without a word. */
async function finish(checkpointer: Checkpointer | undefined): ReturnType<Checkpointer['settle']> {
  if (checkpointer === undefined) return undefined;
  const written = await checkpointer.settle();
  if (written === undefined) throw new ExitError('Stopped', 'CheckpointFailed', `${checkpointer.failure ?? 'The last checkpoint could not be written'}. The next attempt goes on from the checkpoint before`);
  return written;
}

function done(spec: TrainingSpec, step: number, checkpointer: Checkpointer | undefined): Done {
  const last = checkpointer?.last;
  return { reason: 'Trained', message: `Trained ${step} of ${spec.steps} steps`, step, ...(last !== undefined && { checkpoint: last }) };
}
