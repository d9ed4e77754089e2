import { CHECKPOINT_DAMAGED, ExitCode, MAX_RESULTS, type CheckpointRef, type EvaluationResult, type LastWord, type ProgressReport } from '@srdit/crds';
import { defined } from './defined.ts';
import { isSeries, resultOf } from './series.ts';
import type { Evaluation, Gang, Observed, Progress, Status, Training } from './types.ts';

/** The part of the status that pods report. */
export type Reported = Pick<Status, 'progress' | 'checkpoints' | 'samples' | 'results'>;

const percent = (done: number, of: number): number => (of <= 0 ? 0 : Math.min(100, Math.floor((100 * done) / of)));

/** A report speaks for the status only if it is of this run's current attempt: an old process may still answer. */
export function reportOf(gang: Gang, observed: Observed): ProgressReport | undefined {
  const { progress, status } = observed;
  return progress?.uid === gang.metadata.uid && progress.attempt === status?.attempt ? progress : undefined;
}

/** Before it has found where to go on, rank 0 is at no step: the one that status tells stands. */
const stepOf = (report: ProgressReport | undefined): number | undefined => (report?.phase === 'Joining' || report?.phase === 'Loading' ? undefined : report?.step);

/** Reports are untrusted: a uri outside the run's own prefix is dropped, so that status never points elsewhere. */
function within(prefix: string, uri: string): boolean {
  const base = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return uri.startsWith(base) && !uri.slice(base.length).split('/').includes('..');
}

/** Newest first, each step once, the 5 newest. */
function newestOf(known: readonly CheckpointRef[], heard: readonly CheckpointRef[]): CheckpointRef[] {
  const bySteps = new Map([...known, ...heard].map((checkpoint) => [checkpoint.step, checkpoint]));
  return [...bySteps.values()].sort((a, b) => b.step - a.step).slice(0, 5);
}

/** Last words of the current attempt, by worker. */
function lastWords(observed: Observed): LastWord[] {
  return observed.pods.filter((pod) => pod.attempt === observed.status?.attempt)
    .toSorted((a, b) => a.worker - b.worker).flatMap((pod) => pod.lastWord ?? []);
}

/** Last word of the rank that has measured, or has found its checkpoint damaged. */
export const roundWord = (observed: Observed): LastWord | undefined =>
  lastWords(observed).find((word) => word.result !== undefined || (word.exitCode === ExitCode.WrongConfiguration && word.reason === CHECKPOINT_DAMAGED));

/** Previous status, brought up to date with what rank 0 reports and with the last words of pods that ended. */
export function reported(gang: Gang, observed: Observed): Reported {
  const latest = reportOf(gang, observed);
  // One that is in the status already is no news: pods have said their last word since, perhaps.
  const report = latest?.time === observed.status?.progress?.lastReportTime ? undefined : latest;
  const words = lastWords(observed);
  return gang.kind === 'SRDiTTraining' ? ofTraining(gang, observed, report, words) : ofEvaluation(gang, observed, report, words);
}

function ofTraining(gang: Training, observed: Observed, report: ProgressReport | undefined, words: readonly LastWord[]): Reported {
  const before = observed.status;
  const ours = (checkpoint: CheckpointRef): boolean => within(gang.spec.storage.uri, checkpoint.uri);
  const heard = [...(report?.checkpoints ?? []), ...words.flatMap((word) => word.checkpoint ?? [])].filter(ours);
  // A report lists what storage holds now: retention, or a resume from an older checkpoint, makes entries go away.
  const best = report?.best !== undefined && ours(report.best) ? report.best : before?.checkpoints?.best;
  // A last word comes after the last report: what retention removed for its checkpoint is not listed any more.
  const newest = newestOf(report?.checkpoints === undefined ? before?.checkpoints?.newest ?? [] : [], heard)
    .filter(({ uri }, index) => index < gang.spec.checkpoints.keep || uri === best?.uri);
  const last = newest[0] ?? before?.checkpoints?.last;
  const drawn = words.find((word) => word.samples !== undefined)?.samples ?? report?.samples;
  const samples = drawn !== undefined && within(gang.spec.storage.uri, drawn.uri) ? drawn : before?.samples;

  const of = gang.spec.steps;
  const step = Math.min(of, Math.max(stepOf(report) ?? before?.progress?.step ?? 0, ...words.map((word) => word.step ?? 0)));
  const silent = report === undefined && before?.progress === undefined && words.length === 0;
  return defined({
    progress: silent ? undefined : { ...before?.progress, step, of, percent: percent(step, of), ...numbers(report, words), ...advanced(step, before?.progress?.step, observed) },
    checkpoints: last === undefined ? undefined : defined({ last, best, newest }),
    samples,
  });
}

function ofEvaluation(gang: Evaluation, observed: Observed, report: ProgressReport | undefined, words: readonly LastWord[]): Reported {
  const before = observed.status;
  // The round is over: its pods, which may still be there, have had their say.
  if (isSeries(gang) && before?.series?.round === undefined) return defined({ progress: before?.progress, results: before?.results });
  const of = gang.spec.count;
  const told = words.find((word) => word.result !== undefined)?.result;
  const result = told === undefined ? undefined : short(resultOf(before?.series, told));
  const pictures = result === undefined ? Math.min(of, stepOf(report) ?? before?.progress?.pictures ?? 0) : of;
  const silent = report === undefined && before?.progress === undefined && result === undefined;
  const { loss: _loss, lossEma: _lossEma, ...rates } = numbers(report, words);
  return defined({
    progress: silent ? undefined : { ...before?.progress, pictures, of, percent: percent(pictures, of), ...rates, ...advanced(pictures, before?.progress?.pictures, observed) },
    results: result === undefined ? before?.results
      : [result, ...(before?.results ?? []).filter((known) => known.checkpoint !== result.checkpoint)].sort((a, b) => b.step - a.step).slice(0, MAX_RESULTS),
  });
}

const advanced = (now: number, before: number | undefined, observed: Observed): Pick<Progress, 'advancedTime'> =>
  (now === before ? {} : { advancedTime: observed.now });

/** For the columns of kubectl, which print all there is: five digits. */
const rounded = (value: number | undefined): number | undefined => (value === undefined ? undefined : Number(value.toPrecision(5)));

/** result.json in storage has all digits. */
function short(result: EvaluationResult): EvaluationResult {
  return { ...result, ...defined({ frechetDistance: rounded(result.frechetDistance), precision: rounded(result.precision), recall: rounded(result.recall) }) };
}

/** The newest of each: a last word comes after every report. */
function numbers(report: ProgressReport | undefined, words: readonly LastWord[]): Pick<Progress, 'loss' | 'lossEma' | 'imagesPerSecond' | 'etaSeconds' | 'lastReportTime'> {
  const word = words.find(({ loss }) => loss !== undefined);
  return defined({
    loss: rounded(word?.loss ?? report?.loss), lossEma: rounded(word?.lossEma ?? report?.lossEma), imagesPerSecond: rounded(report?.imagesPerSecond),
    etaSeconds: report?.etaSeconds === undefined ? undefined : Math.max(0, Math.round(report.etaSeconds)),
    lastReportTime: report?.time,
  });
}

/** What cannot be lost any more: steps behind the newest checkpoint, or pictures drawn. Backoff starts over when it grows. */
export function progressMark(gang: Gang, observed: Observed): number {
  const { checkpoints, progress } = reported(gang, observed);
  return (gang.kind === 'SRDiTTraining' ? checkpoints?.last?.step : progress?.pictures) ?? 0;
}
