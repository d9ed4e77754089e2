import { after, backoffSeconds } from './backoff.ts';
import { conditionOf } from './conditions.ts';
import { isCharged, isSettled, outcomeOf, UNDECIDED, wasStopped, wasTakenAway, type Loss } from './outcome.ts';
import { progressMark, roundWord } from './progress.ts';
import { isOverdue } from './overdue.ts';
import { prerequisite } from './prerequisite.ts';
import { afterRound, isSeries, next, seriesOf, type SeriesGang } from './series.ts';
import { stallTime } from './stall.ts';
import type { Gang, Observed, ObservedPod, PlanOptions, Status, Waiting } from './types.ts';

/** What the status must remember about attempts: it outlives the pods. */
export interface Ledger {
  readonly attempt: number;
  readonly restarts: NonNullable<Status['restarts']>;
  readonly nextAttemptTime?: string;
  readonly activeSince?: string;
  readonly series?: NonNullable<Status['series']>;
}

/** What is to be done now. `loss` of a restart is told to users while it goes on. */
export type Decision =
  | { readonly kind: 'Ended' }
  /** now: what is waited for is there already, and the next plan takes it up. */
  | { readonly kind: 'Waiting'; readonly reason: string; readonly message: string; readonly now?: true }
  | { readonly kind: 'Suspending' | 'Suspended'; readonly message: string }
  | { readonly kind: 'Complete'; readonly message?: string }
  | { readonly kind: 'Failed'; readonly reason: string; readonly message: string }
  /** The gang is lost, but why may still show; the attempt stands until then. */
  | { readonly kind: 'Settling'; readonly loss: Loss; readonly until: string }
  /** No restart is left for a lost peer, but it may have been lost with its node, and that costs none. So the workers that are left
   *  are told to go: one whose kubelet is alive ends by its grace period, and one that is overdue was lost with its node. */
  | { readonly kind: 'Doubting'; readonly loss: Loss }
  /** The pods of older attempts must leave before new ones may come: two attempts are never alive together. */
  | { readonly kind: 'Clearing'; readonly loss?: Loss }
  | { readonly kind: 'BackingOff'; readonly until: string; readonly loss?: Loss }
  | { readonly kind: 'Run'; readonly phase: 'Pending' | 'Starting' | 'Running'; readonly waiting?: Waiting; readonly loss?: Loss };

/** What no restart mends. */
const ENDS: ReadonlySet<Loss['kind']> = new Set(['WrongConfiguration', 'Diverged', 'CheckpointDamaged']);

export interface Decided { readonly ledger: Ledger; readonly decision: Decision }

export const isAlive = (pod: ObservedPod): boolean => pod.phase === 'Pending' || pod.phase === 'Running';

const isTrue = (status: Status | undefined, type: 'Complete' | 'Failed'): boolean => conditionOf(status?.conditions, type)?.status === 'True';

/** Complete stays complete and failed stays failed, whatever happens to pods afterwards. Only a changed spec begins
 *  again: more steps than were done, or anything new after a failure (a new generation is a person's decision). */
export function hasEnded(gang: Gang, observed: Observed): boolean {
  const { status } = observed;
  if (isTrue(status, 'Complete')) {
    // The training went on: raised steps, or mended after a failure.
    if (isSeries(gang)) return next(gang, observed, seriesOf(status)).kind !== 'Round';
    return gang.kind === 'SRDiTEvaluation' || gang.spec.steps <= (status?.progress?.step ?? Number.POSITIVE_INFINITY);
  }
  return isTrue(status, 'Failed') && status?.observedGeneration === gang.metadata.generation;
}

/** Begins an ended run anew: attempts count on (their claims in storage stay), restarts from nothing. */
const reopened = ({ attempt, series }: Ledger): Ledger => ({ attempt, restarts: { charged: 0, free: 0 }, ...(series === undefined ? {} : { series }) });

function ledgerOf(status: Status | undefined): Ledger {
  return {
    attempt: status?.attempt ?? 0,
    restarts: status?.restarts ?? { charged: 0, free: 0 },
    ...(status?.nextAttemptTime === undefined ? {} : { nextAttemptTime: status.nextAttemptTime }),
    ...(status?.activeSince === undefined ? {} : { activeSince: status.activeSince }),
    ...(status?.series === undefined ? {} : { series: status.series }),
  };
}

/** Which attempt should be, and how far it is. Looks at states only, never at what happened last. */
export function decide(gang: Gang, observed: Observed, options: PlanOptions): Decided {
  const { status } = observed;
  const ledger = ledgerOf(status);
  if (hasEnded(gang, observed)) return { ledger, decision: { kind: 'Ended' } };
  const wasEnded = isTrue(status, 'Complete') || isTrue(status, 'Failed');

  const pods = observed.pods.filter((pod) => pod.attempt === ledger.attempt);
  const job = observed.jobs.find((one) => one.attempt === ledger.attempt);
  const wasSuspended = status?.state === 'Suspending' || status?.state === 'Suspended';
  const wasRunning = status?.state === 'Running';
  // No gang was begun, or the one of the last round has ended well: its pods have nothing more to say.
  const idle = ledger.attempt === 0 || (isSeries(gang) && ledger.series?.round === undefined);
  // What our own TERM does to a pod explains no lost peer.
  const telling = conditionOf(status?.conditions, 'Running')?.reason === 'NodeMayBeLost' ? pods.filter((pod) => !wasStopped(pod)) : pods;
  const outcome = idle || wasEnded ? { kind: 'Going' } as const : outcomeOf(telling, job, gang.spec.gang.workers, wasRunning);

  if (outcome.kind === 'Complete') return isSeries(gang) ? roundOver(gang, observed, ledger) : { ledger, decision: { kind: 'Complete' } };
  if (outcome.kind === 'Lost' && outcome.loss.kind === 'CheckpointDamaged' && isSeries(gang)) return roundOver(gang, observed, ledger);
  if (outcome.kind === 'Lost' && ENDS.has(outcome.loss.kind)) {
    return { ledger, decision: { kind: 'Failed', reason: outcome.loss.reason, message: outcome.loss.message } };
  }

  if (gang.spec.suspend || observed.stop !== undefined) {
    // What our own TERM does to the pods is not a loss.
    const left = observed.pods.some(isAlive) || observed.jobs.length > 0;
    const message = observed.stop ?? 'spec.suspend is true; set it to false to go on';
    const { activeSince: _over, ...resting } = ledger;
    return { ledger: resting, decision: { kind: left ? 'Suspending' : 'Suspended', message } };
  }
  const begun = wasEnded ? reopened(ledger) : ledger;
  if (idle) return begin(gang, observed, begun);
  if (wasSuspended || wasEnded) {
    const { nextAttemptTime: _over, ...resumed } = begun;
    return proceed(gang, observed, { ...resumed, attempt: ledger.attempt + 1, activeSince: observed.now });
  }
  const deadline = deadlineOf(gang, ledger);
  if (deadline !== undefined && observed.now >= deadline) {
    return { ledger, decision: { kind: 'Failed', reason: 'DeadlineExceeded', message: `The run was not complete after spec.activeDeadlineSeconds (${gang.spec.activeDeadlineSeconds ?? 0} s). Raise it to go on from the newest checkpoint` } };
  }
  const silent = pods.find((pod) => isSilent(pod, observed, options));
  if (silent !== undefined) {
    return lost(gang, observed, options, ledger, { kind: 'Disrupted', reason: 'Disrupted', message: `Worker ${silent.worker} was told to go, and its node does not answer${silent.reason === undefined ? '' : ` (${silent.reason})`}` });
  }
  if (outcome.kind === 'Lost') return lost(gang, observed, options, ledger, outcome.loss);
  const stall = stallTime(gang, observed);
  if (stall !== undefined && observed.now >= stall.at) return lost(gang, observed, options, ledger, stall.loss);
  return excused(gang, observed, options, ledger) ?? proceed(gang, observed, ledger);
}

/** Told to go, and neither it nor its kubelet answers: a node that is gone. Its processes may live on; the next claim fences them. */
const isSilent = (pod: ObservedPod, observed: Observed, options: PlanOptions): boolean => isAlive(pod) && isOverdue(pod, observed, options);

/** A node that dies takes its ranks along without a word: their peers tell first, and are charged for it. That the node was the
 *  cause shows later, when the pods on it do not go, or the cluster clears them away: then the restart costs nothing after all. */
function excused(gang: Gang, observed: Observed, options: PlanOptions, ledger: Ledger): Decided | undefined {
  const { restarts } = ledger;
  if (conditionOf(observed.status?.conditions, 'Running')?.reason !== 'PeerLost' || restarts.charged === 0) return undefined;
  const gone = observed.pods.find((pod) => pod.attempt === ledger.attempt - 1 && (isSilent(pod, observed, options) || wasTakenAway(pod)));
  if (gone === undefined) return undefined;
  const { PeerLost: lostPeers = 1, ...reasons } = restarts.reasons ?? {};
  const loss: Loss = { kind: 'Disrupted', reason: 'Disrupted', message: `Worker ${gone.worker} was lost with its node, which ${gone.reason === undefined ? 'does not answer' : `is gone (${gone.reason})`}` };
  return proceed(gang, observed, {
    ...ledger,
    restarts: {
      ...restarts, charged: restarts.charged - 1, free: restarts.free + 1,
      reasons: { ...reasons, ...(lostPeers > 1 && { PeerLost: lostPeers - 1 }), Disrupted: (reasons.Disrupted ?? 0) + 1 },
    },
  }, loss);
}

/** The first gang, or that of the next round, once what it needs is there. */
function begin(gang: Gang, observed: Observed, ledger: Ledger): Decided {
  const first = { ...ledger, attempt: ledger.attempt + 1, activeSince: observed.now };
  if (!isSeries(gang)) {
    const wait = prerequisite(gang, observed);
    return wait === undefined ? proceed(gang, observed, first) : { ledger, decision: wait };
  }
  const series = seriesOf(ledger);
  const coming = next(gang, observed, series);
  if (coming.kind === 'Round') return proceed(gang, observed, { ...first, series: { ...series, round: coming.round } });
  return { ledger, decision: coming };
}

/** A round has ended: its checkpoint is measured, gone or damaged, which is no restart. The next one is begun by a plan of its own: its gang has another attempt, and
 *  nothing of this one's pods is to be mistaken for that one's. */
function roundOver(gang: SeriesGang, observed: Observed, ledger: Ledger): Decided {
  const series = afterRound(gang, observed, seriesOf(ledger), roundWord(observed));
  // Waiting for the training is no time of ours, and the pictures of the next round count from none.
  const { activeSince: _over, restarts: { sinceProgress: _since, mark: _mark, ...restarts }, ...rest } = ledger;
  const after = { ...rest, restarts, series };
  const coming = next(gang, observed, series);
  if (coming.kind !== 'Round') return { ledger: after, decision: coming };
  return { ledger: after, decision: { kind: 'Waiting', reason: 'CheckpointNext', message: `The checkpoint of step ${coming.round.step} is next`, now: true } };
}

/** A collective blocks for ever when one rank is gone, so ranks are never replaced singly: the attempt is over. */
function lost(gang: Gang, observed: Observed, options: PlanOptions, ledger: Ledger, loss: Loss): Decided {
  const { now, status } = observed;
  const noted = conditionOf(status?.conditions, 'Running');
  const since = noted !== undefined && UNDECIDED.has(noted.reason) ? noted.lastTransitionTime : now;
  const until = after(since, options.causeWindowSeconds);
  if (!isSettled(loss) && now < until) return { ledger, decision: { kind: 'Settling', loss, until } };

  const charged = isCharged(loss);
  if (charged && ledger.restarts.charged >= gang.spec.gang.maxRestarts) {
    if (loss.kind === 'PeerLost' && observed.pods.some((pod) => pod.attempt === ledger.attempt && isAlive(pod))) return { ledger, decision: { kind: 'Doubting', loss } };
    const spent = ledger.restarts.charged === 0 ? 'Restarts are switched off' : `Restarted ${ledger.restarts.charged} times already`;
    return {
      ledger,
      decision: { kind: 'Failed', reason: 'RestartsSpent', message: `${loss.message}. ${spent} (spec.gang.maxRestarts is ${gang.spec.gang.maxRestarts}); read the log of that worker, mend the cause, or raise spec.gang.maxRestarts` },
    };
  }
  const mark = progressMark(gang, observed);
  const restart = mark > (ledger.restarts.mark ?? -1) ? 1 : (ledger.restarts.sinceProgress ?? 0) + 1;
  const attempt = ledger.attempt + 1;
  const wait = backoffSeconds(gang.spec.gang.backoffSeconds, restart, gang.metadata.uid, attempt);
  const restarts = {
    charged: ledger.restarts.charged + (charged ? 1 : 0), free: ledger.restarts.free + (charged ? 0 : 1), sinceProgress: restart, mark,
    reasons: { ...ledger.restarts.reasons, [loss.reason]: (ledger.restarts.reasons?.[loss.reason] ?? 0) + 1 },
  };
  return proceed(gang, observed, { ...ledger, attempt, restarts, nextAttemptTime: after(since, wait) }, loss);
}

/** From a recorded attempt to its running pods: old pods leave, the backoff passes, the Job is there, the pods run. */
function proceed(gang: Gang, observed: Observed, ledger: Ledger, loss?: Loss): Decided {
  const because = loss === undefined ? {} : { loss };
  const older = observed.jobs.some((job) => job.attempt !== ledger.attempt)
    || observed.pods.some((pod) => pod.attempt !== ledger.attempt && isAlive(pod));
  if (older) return { ledger, decision: { kind: 'Clearing', ...because } };
  if (ledger.nextAttemptTime !== undefined && observed.now < ledger.nextAttemptTime) {
    return { ledger, decision: { kind: 'BackingOff', until: ledger.nextAttemptTime, ...because } };
  }
  const running = observed.pods.filter((pod) => pod.attempt === ledger.attempt && pod.phase !== 'Pending').length;
  const phase = running >= gang.spec.gang.workers ? 'Running' : running > 0 ? 'Starting' : 'Pending';
  const { nextAttemptTime: _passed, ...rest } = ledger;
  const waiting = phase === 'Running' ? undefined : waitingOf(observed, ledger.attempt);
  return { ledger: rest, decision: { kind: 'Run', phase, ...because, ...(waiting === undefined ? {} : { waiting }) } };
}

/** Why the gang does not run yet, in the words of whoever keeps it from running: whoever refused the Job, the Job's, else the first worker's. */
function waitingOf(observed: Observed, attempt: number): Waiting | undefined {
  const job = observed.jobs.find((one) => one.attempt === attempt);
  if (job === undefined) return observed.refused;
  if (job.waiting !== undefined) return job.waiting;
  const pod = observed.pods.filter((one) => one.attempt === attempt && one.phase === 'Pending' && one.waiting !== undefined)
    .toSorted((a, b) => a.worker - b.worker)[0];
  return pod?.waiting === undefined ? undefined : { reason: pod.waiting.reason, message: `Worker ${pod.worker} waits: ${pod.waiting.message}` };
}

/** End of spec.activeDeadlineSeconds. */
export function deadlineOf(gang: Gang, ledger: Ledger): string | undefined {
  const { activeDeadlineSeconds } = gang.spec;
  return activeDeadlineSeconds === undefined || ledger.activeSince === undefined ? undefined : after(ledger.activeSince, activeDeadlineSeconds);
}
