import { CHECKPOINT_DAMAGED, MAX_DAMAGED, type CheckpointRef, type LastWord, type Series } from '@srdit/crds';
import { trainingUri } from '@srdit/runtime/checkpoint/paths.ts';
import { defined } from './defined.ts';
import { named, noCheckpoint, notFound } from './trained.ts';
import type { Evaluation, Gang, Observed, Status, Training } from './types.ts';

/** An evaluation of every checkpoint. It goes in rounds: a gang for one checkpoint, which ends; a wait for the next. */
export interface SeriesGang extends Evaluation {
  readonly spec: Evaluation['spec'] & { readonly checkpoint: { readonly training: { readonly name: string; readonly everySteps: number } } };
}

export const isSeries = (gang: Gang): gang is SeriesGang =>
  gang.kind === 'SRDiTEvaluation' && gang.spec.checkpoint.training?.which === 'Every' && gang.spec.checkpoint.training.everySteps !== undefined;

/** What comes after the rounds that were. */
export type Next =
  | { readonly kind: 'Round'; readonly round: NonNullable<Series['round']> }
  | { readonly kind: 'Waiting' | 'Failed'; readonly reason: string; readonly message: string }
  | { readonly kind: 'Complete'; readonly message: string };

const NOTHING_YET: Series = { measured: 0 };

/** Rounds so far; those of a resource that has had none. */
export const seriesOf = (status: Pick<Status, 'series'> | undefined): Series => status?.series ?? NOTHING_YET;

/** Step of the last checkpoint of a training that has ended, which is measured whatever its step. */
export function finalStep(observed: Observed): number | undefined {
  const { state, checkpoints } = observed.training?.status ?? {};
  return state === 'Complete' || state === 'Failed' ? checkpoints?.last?.step : undefined;
}

/** The next round, from what is behind us and what the status of the training lists. Oldest first: a curve grows from left to
 *  right, and it is the oldest one that retention removes next. */
export function next(gang: SeriesGang, observed: Observed, series: Series): Next {
  const { name, everySteps } = gang.spec.checkpoint.training;
  const training = named(name);
  if (observed.training === undefined || observed.training === null) return notFound(gang, name);
  const { state, checkpoints } = observed.training.status ?? {};
  const final = finalStep(observed);
  const through = series.through ?? 0;
  const listed: CheckpointRef[] = [checkpoints?.last, checkpoints?.best, ...checkpoints?.newest ?? []].filter((one) => one !== undefined);
  const [due] = listed.filter(({ step }) => step > through && (step % everySteps === 0 || step === final)).sort((a, b) => a.step - b.step);
  if (due !== undefined) return { kind: 'Round', round: { step: due.step, uri: due.uri } };
  if (final !== undefined) return { kind: 'Complete', message: summary(series, training, state === 'Failed') };
  if (state === 'Complete') return noCheckpoint(name);
  if (state === 'Failed') return { kind: 'Waiting', reason: 'TrainingFailed', message: `Waiting for ${training}, which failed before its first checkpoint` };
  const step = upcoming(gang, observed.training.spec, Math.max(through, checkpoints?.last?.step ?? 0));
  return { kind: 'Waiting', reason: 'CheckpointNotWritten', message: `Waiting for ${training} to write the checkpoint of step ${step}` };
}

function summary({ measured, damaged, skipped }: Series, training: string, failed: boolean): string {
  const said = `${measured} ${measured === 1 ? 'checkpoint was' : 'checkpoints were'} measured`;
  const bad = damaged === undefined ? '' : `; ${damaged.count} ${damaged.count === 1 ? 'is' : 'are'} damaged, as status.series.damaged tells`;
  const gone = skipped === undefined ? '' : `; ${skipped.count} ${skipped.count === 1 ? 'was' : 'were'} gone before their turn, the last of step ${skipped.last}: raise spec.checkpoints.keep of ${training} to have them spared`;
  return `${said}${bad}${gone}${failed ? `. ${training} failed; when it goes on, so does this evaluation` : ''}`;
}

/** Steps between two checkpoints that are written in any case and have their turn. */
function period(gang: SeriesGang, training: TrainingSpec | undefined): number {
  const { everySteps } = gang.spec.checkpoint.training;
  const written = training?.checkpoints.everySteps ?? everySteps;
  let [a, b] = [everySteps, written];
  while (b > 0) [a, b] = [b, a % b];
  return (everySteps / a) * written;
}
type TrainingSpec = Pick<Training['spec'], 'steps' | 'checkpoints'>;

/** Step of the next checkpoint whose turn comes, as far as can be told now: the training may stop, and write one, at any step. */
function upcoming(gang: SeriesGang, training: TrainingSpec | undefined, after: number): number {
  const every = period(gang, training);
  return Math.min(training?.steps ?? Number.POSITIVE_INFINITY, (Math.floor(after / every) + 1) * every);
}

/** What is remembered of a round whose gang has ended. word: of the rank that measured, or found its checkpoint damaged; without one
 *  storage held nothing whose turn it was. */
export function afterRound(gang: SeriesGang, observed: Observed, series: Series, word: LastWord | undefined): Series {
  const { round, through = 0, measured } = series;
  if (round === undefined) return series;
  const found = word?.reason === CHECKPOINT_DAMAGED ? takenUp(round, through, word.measuring) : undefined;
  // An earlier attempt may have measured it and told so, before another of its workers was lost.
  const bad = observed.status?.results?.some(({ checkpoint }) => checkpoint === found?.uri) === true ? undefined : found;
  const turn = found ?? (word?.result === undefined ? undefined : resultOf(series, word.result));
  // A step that had its turn before is not believed: ours would have it again and again.
  const reached = turn !== undefined && turn.step > through ? turn.step : round.step;
  return defined({
    through: reached,
    measured: measured + (turn !== undefined && bad === undefined ? 1 : 0),
    damaged: bad === undefined ? series.damaged : withDamaged(series, { checkpoint: bad.uri, step: reached, message: word?.message ?? '' }),
    skipped: withGone(gang, observed, series, round, turn === undefined ? reached : reached - 1),
  });
}

function withDamaged({ damaged }: Series, one: NonNullable<Series['damaged']>['newest'][number]): Series['damaged'] {
  return { count: (damaged?.count ?? 0) + 1, newest: [one, ...damaged?.newest ?? []].slice(0, MAX_DAMAGED) };
}

/** What was gone before its turn, with what this round passed over: all that is after the last one that had its turn, up to the step `to`. */
function withGone(gang: SeriesGang, observed: Observed, { through = 0, skipped }: Series, round: NonNullable<Series['round']>, to: number): Series['skipped'] {
  const every = observed.training?.spec === undefined ? Number.POSITIVE_INFINITY : period(gang, observed.training.spec);
  const regular = Math.max(0, Math.floor(to / every) - Math.floor(through / every));
  // Ours was there when the round began, or is what was measured.
  const own = round.step <= to && round.step % every !== 0 ? 1 : 0;
  if (regular + own === 0) return skipped;
  return { count: (skipped?.count ?? 0) + regular + own, last: Math.max(regular > 0 ? Math.floor(to / every) * every : 0, own === 1 ? round.step : 0) };
}

/** A result of the checkpoint that the round is about is of its step, whatever the rank believes. */
export function resultOf<Result extends { readonly checkpoint: string; readonly step: number }>(series: Series | undefined, result: Result): Result {
  return series?.round?.uri === result.checkpoint ? { ...result, step: series.round.step } : result;
}

/** What the gang of a round is told besides its checkpoint. */
export function seriesConfig(gang: SeriesGang, observed: Observed): { readonly everySteps: number; readonly after: number; readonly final?: number } {
  const final = finalStep(observed);
  return { everySteps: gang.spec.checkpoint.training.everySteps, after: seriesOf(observed.status).through ?? 0, ...(final === undefined ? {} : { final }) };
}

/** The round with the checkpoint that rank 0 has found in storage: an older one than the status of the training lists, or a newer
 *  one because ours is gone. Untrusted: only what is a checkpoint of the same training counts, and has not had its turn. */
export function takenUp(round: NonNullable<Series['round']>, through: number, heard: { readonly step: number; readonly uri: string } | undefined): NonNullable<Series['round']> {
  const training = trainingUri(round.uri);
  const believed = heard !== undefined && heard.step > through && training !== undefined && trainingUri(heard.uri) === training;
  return believed ? { step: heard.step, uri: heard.uri } : round;
}
