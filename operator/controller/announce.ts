import type { EventText } from 'kopf-ts';
import type { Status } from '../plan/types.ts';

/** What a change of status means for people, as events: one a transition. Pure. */
export function announcements(before: Status | undefined, after: Status): EventText[] {
  const told: EventText[] = [];
  const condition = (status: Status | undefined, type: string) => status?.conditions?.find((one) => one.type === type);
  if (after.state !== before?.state) {
    const running = condition(after, 'Running')?.message ?? '';
    switch (after.state) {
      case 'Running': told.push({ reason: after.attempt === 1 ? 'Started' : 'Restarted', note: `Attempt ${after.attempt ?? 1}: all workers are running` }); break;
      case 'Restarting': told.push({ type: 'Warning', reason: 'Restarting', note: running }); break;
      case 'Suspending': told.push({ reason: 'Suspending', note: 'The gang writes a checkpoint and ends' }); break;
      case 'Suspended': told.push({ reason: 'Suspended', note: condition(after, 'Suspended')?.message ?? 'The run waits' }); break;
      case 'Complete': told.push({ reason: 'Complete', note: 'The run is complete' }); break;
      case 'Failed': told.push({ type: 'Warning', reason: condition(after, 'Failed')?.reason ?? 'Failed', note: condition(after, 'Failed')?.message ?? 'The run has failed' }); break;
      case 'Pending': case 'Starting': case undefined: break;
      default: after.state satisfies never;
    }
  }
  const waiting = condition(after, 'Running');
  if (waiting?.status === 'False' && WAITS.has(waiting.reason) && waiting.reason !== condition(before, 'Running')?.reason) told.push({ type: 'Warning', reason: waiting.reason, note: waiting.message });
  const last = after.checkpoints?.last;
  if (last !== undefined && last.step !== before?.checkpoints?.last?.step) told.push({ reason: 'CheckpointWritten', note: `Checkpoint of step ${last.step}: ${last.uri}` });
  return told;
}

/** Why pods may not run, in Kubernetes' words. */
const WAITS: ReadonlySet<string> = new Set(['Unschedulable', 'ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'CreateContainerConfigError', 'CreateContainerError', 'FailedCreate']);
