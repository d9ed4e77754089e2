import type { Condition } from '@srdit/crds';
import type { EventText } from 'kopf-ts';
import { conditionOf } from '../plan/conditions.ts';
import type { Status } from '../plan/types.ts';

const condition = (status: Status | undefined, type: Condition['type']) => conditionOf(status?.conditions, type);
const restarts = (status: Status | undefined): number => (status?.restarts?.charged ?? 0) + (status?.restarts?.free ?? 0);

/** Reasons of the condition Running that say, in Kubernetes' words, why pods do not run. */
export const WAITS: ReadonlySet<string> = new Set(['Unschedulable', 'ErrImagePull', 'ImagePullBackOff', 'ErrImageNeverPull', 'InvalidImageName', 'CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'FailedCreate']);

/** What a change of status means for people, as events: one a transition. Pure. docs/operator.md lists the reasons. */
export function announcements(before: Status | undefined, after: Status): EventText[] {
  const told: EventText[] = [];
  const running = condition(after, 'Running');
  // A loss whose cause may still show is no restart yet: the budget tells when it is decided.
  if (restarts(after) > restarts(before)) told.push({ type: 'Warning', reason: 'Restarting', note: `Attempt ${after.attempt ?? 0} follows. ${running?.message ?? 'The gang was lost'}` });
  if (after.state !== before?.state) {
    switch (after.state) {
      case 'Running': told.push({ reason: before?.state === 'Restarting' ? 'Restarted' : 'Started', note: `All workers of attempt ${after.attempt ?? 1} are running` }); break;
      case 'Suspending': told.push({ reason: 'Suspending', note: 'The gang writes a checkpoint and ends' }); break;
      case 'Suspended': told.push({ reason: 'Suspended', note: condition(after, 'Suspended')?.message ?? 'The run waits' }); break;
      case 'Complete': told.push({ reason: 'Complete', note: condition(after, 'Complete')?.message ?? 'Every worker has ended well' }); break;
      case 'Failed': told.push({ type: 'Warning', reason: condition(after, 'Failed')?.reason ?? 'Failed', note: condition(after, 'Failed')?.message ?? 'The run has failed' }); break;
      case 'Pending': case 'Starting': case 'Restarting': case undefined: break;
      default: after.state satisfies never;
    }
  }
  if (running?.status === 'False' && WAITS.has(running.reason) && running.reason !== condition(before, 'Running')?.reason) told.push({ type: 'Warning', reason: running.reason, note: running.message });
  const last = after.checkpoints?.last;
  if (last !== undefined && last.step !== before?.checkpoints?.last?.step) told.push({ reason: 'CheckpointWritten', note: `Checkpoint of step ${last.step}: ${last.uri}` });
  const { skipped, damaged } = after.series ?? {};
  const [result] = after.results ?? [];
  if (after.series !== undefined && after.series.measured > (before?.series?.measured ?? 0) && result !== undefined) {
    told.push({ reason: 'CheckpointMeasured', note: `Checkpoint of step ${result.step}: Fréchet distance of ${result.features} ${result.frechetDistance}` });
  }
  const [newest] = damaged?.newest ?? [];
  if (newest !== undefined && (damaged?.count ?? 0) > (before?.series?.damaged?.count ?? 0)) {
    told.push({ type: 'Warning', reason: 'CheckpointDamaged', note: `Checkpoint of step ${newest.step} is passed over. ${newest.message}` });
  }
  if (skipped !== undefined && skipped.count > (before?.series?.skipped?.count ?? 0)) {
    told.push({ type: 'Warning', reason: 'CheckpointSkipped', note: `${skipped.count - (before?.series?.skipped?.count ?? 0)} checkpoints up to step ${skipped.last} were gone before their turn. Raise spec.checkpoints.keep of the training to have them spared` });
  }
  return told;
}
