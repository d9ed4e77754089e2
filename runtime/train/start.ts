import type { TrainingSpec } from '@srdit/crds';
import { claimAttempt, type Claim } from '../checkpoint/claim.ts';
import { CheckpointError } from '../checkpoint/error.ts';
import { listCheckpoints } from '../checkpoint/list.ts';
import type { DataPosition } from '../checkpoint/manifest.ts';
import { differences, readNewest } from '../checkpoint/read.ts';
import type { TrainingContext } from '../cli/context.ts';
import { wrongConfiguration } from '../cli/exit.ts';
import type { ModelConfig } from '../model/config.ts';
import { initialParameters, parameterTable } from '../model/parameters.ts';
import { fromRankZero, shareState } from './share.ts';
import { freshState, type HostState } from './state.ts';

/** Where a training begins or goes on. */
export interface Start {
  readonly state: HostState;
  /** Optimizer steps behind it. */
  readonly step: number;
  readonly at: Pick<DataPosition, 'epoch' | 'position'>;
  readonly lossEma: number | undefined;
  /** Rank 0 only. */
  readonly claim: Claim | undefined;
}

interface Found { readonly state: HostState; readonly step: number; readonly epoch: number; readonly position: number; readonly lossEma: number | undefined }

/** Rank 0 claims the attempt, finds the newest sound checkpoint or makes fresh weights; all ranks get the same.
 *  digest: of the data set. Throws ExitError (64) for a checkpoint that does not fit the spec. */
export async function findStart(context: TrainingContext, config: ModelConfig, digest: string): Promise<Start> {
  const { engine, gang, config: { spec } } = context;
  const claim = gang.rank === 0 ? await claimAttempt(context.storage, context.config) : undefined;
  const found = claim === undefined ? undefined : await resume(context, config, digest, claim);
  const trained = parameterTable(config).filter((info) => info.kind === 'trained');
  const told = await fromRankZero(engine, gang, Float64Array.of(found === undefined ? 0 : 1, found?.step ?? 0, found?.epoch ?? 0, found?.position ?? 0, found?.lossEma ?? NaN), 'float64');
  const [resumed = 0, step = 0, epoch = 0, position = 0, lossEma = NaN] = told;
  // Fresh weights are a function of the seed: nothing has to travel.
  const state = resumed === 1 ? await shareState(engine, gang, trained, found?.state) : freshState(config, initialParameters(config, spec.seed));
  return { state, step, at: { epoch, position: position - position % spec.batchSize }, lossEma: Number.isNaN(lossEma) ? undefined : lossEma, claim };
}

async function resume(context: TrainingContext, config: ModelConfig, digest: string, claim: Claim): Promise<Found | undefined> {
  const { storage, log, config: { spec } } = context;
  if (spec.checkpoints.resume === 'Never' && claim.inherited && (await listCheckpoints(storage)).some(({ complete }) => complete)) {
    throw wrongConfiguration('PrefixTaken', `Cannot start afresh in "${storage.uri}": it holds checkpoints of an earlier training of this name and checkpoints.resume is Never. Set spec.storage.uri to an empty prefix, or checkpoints.resume to Auto`);
  }
  const loaded = await readNewest(storage, (error) => { log.warn(`Passing over a checkpoint: ${error.message}`); }).catch((error: unknown) => {
    if (!(error instanceof CheckpointError)) throw error;
    throw wrongConfiguration('NoSoundCheckpoint', `Cannot go on from "${storage.uri}": no checkpoint in it can be read. The newest says: ${error.message}. Restore one from a copy, or set spec.storage.uri to an empty prefix to begin anew`, error);
  });
  if (loaded === undefined) {
    log.info('Starting from fresh weights');
    return undefined;
  }
  const { known: { manifest, ref }, ...state } = loaded;
  refuseOther(spec, config, manifest, digest, ref.uri);
  if (manifest.world !== context.world) log.warn(`The checkpoint was made by ${manifest.world} ranks and goes on with ${context.world}: the result will not have the same bits as without the change`);
  log.info(`Going on from step ${manifest.step}: "${ref.uri}"`, { step: manifest.step });
  return { state, step: manifest.step, epoch: manifest.data.epoch, position: manifest.data.position, lossEma: manifest.lossEma };
}

/** A checkpoint of another model, seed or data set would train something else under the same name. */
function refuseOther(spec: TrainingSpec, config: ModelConfig, manifest: { readonly model: ModelConfig; readonly seed: number; readonly data: DataPosition }, digest: string, uri: string): void {
  const changed = differences(manifest.model, config);
  if (changed.length > 0) throw wrongConfiguration('ModelChanged', `Cannot go on from "${uri}": its model differs in ${changed.join(', ')}. Set spec.model back, or spec.storage.uri to an empty prefix`);
  if (manifest.seed !== spec.seed) throw wrongConfiguration('SeedChanged', `Cannot go on from "${uri}": it was made with seed ${manifest.seed}, the spec says ${spec.seed}. Set spec.seed back, or spec.storage.uri to an empty prefix`);
  if (manifest.data.digest !== digest) throw wrongConfiguration('DataChanged', `Cannot go on from "${uri}": it was trained on another data set than "${spec.data.uri}" holds now. Put that data set back, or set spec.storage.uri to an empty prefix`);
}
