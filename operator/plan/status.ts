import { conditions } from './conditions.ts';
import { defined } from './defined.ts';
import type { Decided, Decision } from './gang.ts';
import { reported, reportOf } from './progress.ts';
import { isSeries, takenUp } from './series.ts';
import type { Gang, Observed, Status } from './types.ts';

/** The one word of the State column. */
function stateOf(decision: Decision, observed: Observed, attempt: number): NonNullable<Status['state']> {
  switch (decision.kind) {
    case 'Ended': return observed.status?.state ?? 'Complete';
    case 'Waiting': return 'Pending';
    case 'Suspending': return 'Suspending';
    case 'Suspended': return 'Suspended';
    case 'Complete': return 'Complete';
    case 'Failed': return 'Failed';
    case 'Settling':
    case 'Doubting': return 'Restarting';
    case 'Clearing':
    case 'BackingOff':
      // Another round, or what a deleted resource of the same name has left: nothing of this gang was lost.
      return observed.status?.state === undefined || observed.status.state === 'Pending' ? 'Pending' : 'Restarting';
    case 'Run': {
      if (decision.phase === 'Running') return 'Running';
      // Until the new gang runs the restart is not over; a first start is a start.
      const restarting = observed.status?.state === 'Restarting' || (observed.status?.state === 'Running' && attempt > 1);
      return restarting ? 'Restarting' : decision.phase;
    }
    default: return decision satisfies never;
  }
}

/** The status to write before anything is deleted or created. */
export function statusOf(gang: Gang, observed: Observed, { ledger, decision }: Decided): Status {
  const { now, status: before } = observed;
  const ended = decision.kind === 'Complete' || decision.kind === 'Failed';
  const heard = reported(gang, observed);
  const { series } = ledger;
  const begins = series?.round !== undefined && before?.series?.round === undefined;
  // The last round of all may have found its checkpoint damaged, or gone.
  const drawn = !isSeries(gang) || heard.progress?.pictures === gang.spec.count;
  // The pictures that were counted so far are another checkpoint's.
  const progress = begins && isSeries(gang) ? { pictures: 0, of: gang.spec.count, percent: 0 }
    : decision.kind !== 'Complete' || heard.progress === undefined || !drawn ? heard.progress : complete(gang, heard.progress);
  const starts = decision.kind === 'Run' && decision.phase === 'Running' && before?.startTime === undefined;
  return defined({
    observedGeneration: gang.metadata.generation,
    state: stateOf(decision, observed, ledger.attempt),
    conditions: conditions(decision, before?.conditions ?? [], now, gang.metadata.generation),
    attempt: ledger.attempt,
    restarts: ledger.restarts,
    nextAttemptTime: ended || decision.kind === 'Suspended' ? undefined : ledger.nextAttemptTime,
    activeSince: ended || decision.kind === 'Ended' ? undefined : ledger.activeSince,
    startTime: starts ? now : before?.startTime,
    completionTime: ended ? now : decision.kind === 'Ended' ? before?.completionTime : undefined,
    ...heard,
    progress,
    series: series?.round === undefined || begins ? series : { ...series, round: takenUp(series.round, series.through ?? 0, reportOf(gang, observed)?.measuring) },
  });
}

/** Every worker ended well, so all steps are done, though the last report came before the last step. */
function complete(gang: Gang, progress: NonNullable<Status['progress']>): NonNullable<Status['progress']> {
  return gang.kind === 'SRDiTTraining'
    ? { ...progress, step: gang.spec.steps, of: gang.spec.steps, percent: 100, etaSeconds: 0 }
    : { ...progress, pictures: gang.spec.count, of: gang.spec.count, percent: 100, etaSeconds: 0 };
}
