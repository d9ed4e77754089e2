import type { ProgressReport } from '@srdit/crds';
import { after } from './backoff.ts';
import { conditionOf } from './conditions.ts';
import { gracePeriodSeconds } from './objects/grace.ts';
import type { Loss } from './outcome.ts';
import { reported, reportOf } from './progress.ts';
import type { Gang, Observed, Status } from './types.ts';

/** Patience without spec.noProgressSeconds, at the least. */
const DEFAULT_SECONDS = 600;
/** Steps that may pass unseen in that time. */
const STEPS = 20;
/** Loading, joining and compiling come before the first step of an attempt, measuring after the last picture. */
const QUIET_SECONDS = 1800;

/** Seconds without a step that are too many; Infinity where nobody wants to know. */
function patience(gang: Gang, status: Status): number {
  const asked = gang.spec.noProgressSeconds;
  if (asked !== undefined) return asked === 0 ? Number.POSITIVE_INFINITY : asked;
  const rate = status.progress?.imagesPerSecond ?? 0;
  const pictures = gang.kind === 'SRDiTTraining' ? gang.spec.batchSize * gang.spec.accumulation : gang.spec.batchSize * gang.spec.gang.workers * gang.spec.gang.ranksPerWorker;
  // A checkpoint is written between two steps.
  return Math.max(DEFAULT_SECONDS, gracePeriodSeconds(gang, status) + (rate > 0 ? (STEPS * pictures) / rate : 0));
}

/** Phases in which no step comes though all is well. */
const QUIET: ReadonlySet<string> = new Set(['Joining', 'Loading', 'Compiling', 'Measuring'] satisfies ProgressReport['phase'][]);

/** The moment from which a running gang counts as stalled, if no step comes before; undefined if none would. A gang whose rank 0
 *  was never heard in this attempt is not judged: it may be us who cannot hear. */
export function stallTime(gang: Gang, observed: Observed): { readonly at: string; readonly loss: Loss } | undefined {
  const { status } = observed;
  const running = conditionOf(status?.conditions, 'Running');
  if (status === undefined || running?.status !== 'True') return undefined;
  const { progress } = reported(gang, observed);
  const report = reportOf(gang, observed);
  const latest = (...times: readonly (string | undefined)[]): string => times.reduce<string>((a, b) => (b !== undefined && b > a ? b : a), running.lastTransitionTime);
  const heard = report !== undefined || (progress?.lastReportTime ?? '') >= running.lastTransitionTime;
  if (!heard) return undefined;
  const stepped = (progress?.advancedTime ?? '') > running.lastTransitionTime;
  const quiet = !stepped || QUIET.has(report?.phase ?? '');
  const seconds = Math.max(quiet ? QUIET_SECONDS : 0, patience(gang, status));
  if (!Number.isFinite(seconds)) return undefined;
  const counted = progress?.pictures === undefined ? `step ${progress?.step ?? 0}` : `picture ${progress.pictures}`;
  return {
    at: after(latest(progress?.advancedTime, observed.watchedSince), seconds),
    loss: { kind: 'NoProgress', reason: 'NoProgress', message: `Nothing came after ${counted} for ${Math.round(seconds)} s; the log of that attempt shows what it was at, and spec.noProgressSeconds gives more time` },
  };
}
