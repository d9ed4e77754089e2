import { CHECKPOINT_DAMAGED } from '@srdit/crds';
import type { Done, EvaluationContext } from '../cli/context.ts';
import { ExitError, wrongConfiguration } from '../cli/exit.ts';
import { CheckpointError } from '../checkpoint/error.ts';
import { listCheckpoints } from '../checkpoint/list.ts';
import { checkpointPath, MANIFEST, stepName, trainingUri, type CheckpointPlace } from '../checkpoint/paths.ts';
import { sumOverRanks } from '../generate/generate.ts';
import { PictureError } from '../generate/pictures.ts';
import type { Storage } from '../storage/storage.ts';

/** One round of an evaluation of every checkpoint: takes one up and evaluates it in a place of its own. What retention does
 *  meanwhile is no failure: exit 75, and the next attempt takes up another. What is wrong with this checkpoint alone is told as
 *  such (CHECKPOINT_DAMAGED), by whichever rank finds it: the next round takes up the next one. */
export async function inRound(context: EvaluationContext, evaluate: (context: EvaluationContext) => Promise<Done>): Promise<Done> {
  const { config, storage } = context;
  const place = await takeUp(context);
  if (place === undefined) return { reason: 'NothingDue', message: `Nothing to measure: retention has removed "${config.checkpointUri}", and no other checkpoint has its turn` };
  try {
    return await evaluate({ ...context, storage: storage.at(resultPath(place.step)), config: { ...config, checkpointUri: place.uri } });
  } catch (error) {
    if (!isAboutCheckpoint(error)) throw error;
    // Retention takes the manifest away first: where it is there, the checkpoint is damaged and not on its way out.
    if (await context.open(place.uri).exists(MANIFEST)) throw new ExitError('WrongConfiguration', CHECKPOINT_DAMAGED, error.message, { cause: error, measuring: place });
    throw new ExitError('Stopped', 'CheckpointGone', `${error.message}: the training has removed it. The next attempt takes up another`, { cause: error });
  }
}

/** Files that are missing or not what was written, or weights that give no numbers; every other checkpoint may still be sound. */
const isAboutCheckpoint = (error: unknown): error is CheckpointError | PictureError =>
  error instanceof CheckpointError || (error instanceof PictureError && error.code === 'NotFinite');

/** Takes up the oldest complete checkpoint whose turn it is. Storage is asked, because the operator's checkpointUri comes from
 *  the status of the training, which lists five. Rank 0 looks and the others hear of it: storage may change between two looks.
 *  Undefined on all ranks if there is none: retention was faster. */
async function takeUp(context: EvaluationContext): Promise<{ readonly step: number; readonly uri: string } | undefined> {
  const { config: { checkpointUri }, engine, gang, rank } = context;
  const prefix = trainingUri(checkpointUri);
  if (prefix === undefined) throw wrongConfiguration('BadCheckpoint', `Cannot look for the checkpoints beside "${checkpointUri}": it lies in no folder attempts/N/checkpoints. Name a training of this version in spec.checkpoint.training`);
  const mine = rank === 0 ? await oldestDue(context, context.open(prefix)) : undefined;
  const [found, attempt, step] = await sumOverRanks(engine, gang, mine === undefined ? [0, 0, 0] : [1, mine.attempt, mine.step]) as [number, number, number];
  if (found === 0) return undefined;
  const uri = `${prefix}/${checkpointPath(attempt, step)}`;
  context.report({ measuring: { step, uri } });
  if (rank === 0) context.log.info(`Measuring the checkpoint of step ${step}: ${uri}`, { checkpoint: step });
  return { step, uri };
}

/** Place of a checkpoint's pictures and result below spec.storage.uri. */
const resultPath = (step: number): string => `checkpoints/${stepName(step)}`;

async function oldestDue({ config: { series } }: EvaluationContext, training: Storage): Promise<CheckpointPlace | undefined> {
  if (series === undefined) return undefined;
  return (await listCheckpoints(training))
    .filter(({ complete, step }) => complete && step > series.after && (step % series.everySteps === 0 || step === series.final))
    // Of one step that was written twice the younger attempt's, as a training that goes on takes it.
    .sort((a, b) => a.step - b.step || b.attempt - a.attempt)[0];
}
