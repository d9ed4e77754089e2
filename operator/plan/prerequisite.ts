import type { Decision } from './gang.ts';
import { isSeries } from './series.ts';
import { named, noCheckpoint, notFound } from './trained.ts';
import type { Evaluation, Gang, Observed } from './types.ts';

/** Folder of the checkpoint that an evaluation measures; undefined until its training has one to give. */
export function checkpointUri(evaluation: Evaluation, observed: Observed): string | undefined {
  const { uri, training } = evaluation.spec.checkpoint;
  if (uri !== undefined) return uri;
  if (isSeries(evaluation)) return observed.status?.series?.round?.uri;
  const checkpoints = observed.training?.status?.checkpoints;
  return training?.which === 'Best' ? (checkpoints?.best ?? checkpoints?.last)?.uri : checkpoints?.last?.uri;
}

/** What must be there before the first attempt, or undefined if nothing is missing. */
export function prerequisite(gang: Gang, observed: Observed): Extract<Decision, { kind: 'Waiting' | 'Failed' }> | undefined {
  if (gang.kind !== 'SRDiTEvaluation' || gang.spec.checkpoint.uri !== undefined) return undefined;
  const name = gang.spec.checkpoint.training?.name ?? '';
  if (observed.training === undefined || observed.training === null) return notFound(gang, name);
  const state = observed.training.status?.state;
  if (state === 'Failed') return { kind: 'Waiting', reason: 'TrainingFailed', message: `Waiting for ${named(name)}, which failed` };
  if (state !== 'Complete') return { kind: 'Waiting', reason: 'TrainingNotComplete', message: `Waiting for ${named(name)} to complete` };
  return checkpointUri(gang, observed) === undefined ? noCheckpoint(name) : undefined;
}
