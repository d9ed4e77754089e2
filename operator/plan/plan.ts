import { after } from './backoff.ts';
import { deadlineOf, decide, isAlive, type Decided, type Decision } from './gang.ts';
import { isOurs } from './managed-by.ts';
import { job } from './objects/job.ts';
import { networkPolicy } from './objects/network-policy.ts';
import { service } from './objects/service.ts';
import { isOverdue, overdueAt } from './overdue.ts';
import { stallTime } from './stall.ts';
import { statusOf } from './status.ts';
import type { Deletion, Gang, KubernetesObject, Observed, ObservedJob, Plan, PlanOptions } from './types.ts';

/** What should be, from what is: pure, so that the operator, the local executor and `srdit render` cannot differ.
 *  Hands write status, then delete, then apply. */
export function plan(gang: Gang, observed: Observed, options: PlanOptions): Plan {
  if (!isOurs(gang)) return { status: observed.status ?? {}, deletes: [], objects: [] };
  const decided = decide(gang, observed, options);
  const wake = wakeAt(gang, decided, observed, options);
  const status = statusOf(gang, observed, decided);
  return {
    status,
    deletes: deletes(gang, decided, observed, options),
    objects: decided.decision.kind === 'Run' ? objects(gang, { ...observed, status }, decided.ledger.attempt, options) : [],
    ...(wake === undefined ? {} : { wakeAt: wake }),
  };
}

/** Everything an attempt needs; the Job last, because its pods need the rest. */
export const objects = (gang: Gang, observed: Observed, attempt: number, options: PlanOptions): KubernetesObject[] =>
  [service(gang), networkPolicy(gang, options), job(gang, observed, attempt, options)];

function deletes(gang: Gang, { ledger, decision }: Decided, observed: Observed, options: PlanOptions): Deletion[] {
  const leaving = (attempt: number): boolean => decision.kind === 'Suspending' || attempt !== ledger.attempt;
  switch (decision.kind) {
    case 'Suspending':
    case 'Clearing':
      return [
        ...removed(observed.jobs.filter((one) => leaving(one.attempt))),
        // Safe by force even if the processes live on behind a dead kubelet: the next attempt's claim fences them.
        ...observed.pods.filter((pod) => leaving(pod.attempt) && isAlive(pod) && isOverdue(pod, observed, options))
          .map((pod): Deletion => ({ kind: 'Pod', name: pod.name, force: true })),
      ];
    case 'Doubting':
    case 'Failed':
      return survivors(observed);
    case 'Ended': {
      // Hands that died after they had written the end left the rest to us.
      const over = expiry(gang, observed);
      return [...survivors(observed), ...(over !== undefined && observed.now >= over ? removed(observed.jobs) : [])];
    }
    default:
      return [];
  }
}

/** Pods of a run that has ended, or is about to, go; the Job stays for its logs. */
const survivors = (observed: Observed): Deletion[] =>
  observed.pods.filter((pod) => isAlive(pod) && pod.deletionTime === undefined).map((pod): Deletion => ({ kind: 'Pod', name: pod.name }));

const removed = (jobs: readonly ObservedJob[]): Deletion[] => jobs.filter((one) => one.deletionTime === undefined)
  .map((one): Deletion => ({ kind: 'Job', name: one.name, ...(one.uid === undefined ? {} : { uid: one.uid }) }));

/** When the pods of an ended run go, if they ever do. */
function expiry(gang: Gang, { status, jobs }: Observed): string | undefined {
  const { ttlSecondsAfterFinished } = gang.spec;
  if (ttlSecondsAfterFinished === undefined || status?.completionTime === undefined || jobs.length === 0) return undefined;
  return after(status.completionTime, ttlSecondsAfterFinished);
}

function wakeAt(gang: Gang, { decision, ledger }: Decided, observed: Observed, options: PlanOptions): string | undefined {
  const times = [ownTime(gang, decision, observed, options), decision.kind === 'Ended' ? undefined : deadlineOf(gang, ledger)];
  return times.filter((time) => time !== undefined).sort()[0];
}

function ownTime(gang: Gang, decision: Decision, observed: Observed, options: PlanOptions): string | undefined {
  switch (decision.kind) {
    case 'Waiting':
      return decision.now === true ? observed.now : undefined;
    case 'Settling':
    case 'BackingOff':
      return decision.until;
    case 'Doubting':
    case 'Suspending':
    case 'Clearing':
      return nextOverdue(observed, options);
    case 'Run':
      return [stallTime(gang, observed)?.at, nextOverdue(observed, options)].filter((time) => time !== undefined).sort()[0];
    case 'Ended':
      return expiry(gang, observed);
    default:
      return undefined;
  }
}

/** When the first of the pods that were told to go will have been silent for too long. */
const nextOverdue = (observed: Observed, options: PlanOptions): string | undefined =>
  observed.pods.filter(isAlive).map((pod) => overdueAt(pod, options)).filter((time) => time !== undefined).sort()[0];
