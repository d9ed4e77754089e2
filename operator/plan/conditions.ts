import type { Condition } from '@srdit/crds';
import type { Decision } from './gang.ts';
import { RESTART_REASONS, UNDECIDED, type Loss } from './outcome.ts';
import type { Waiting } from './types.ts';

/** The condition of this type, as it was written last. */
export const conditionOf = (conditions: readonly Condition[] | undefined, type: Condition['type']): Condition | undefined =>
  conditions?.find((condition) => condition.type === type);

type Said = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const say = (type: Condition['type'], yes: boolean, reason: string, message: string): Said =>
  ({ type, status: yes ? 'True' : 'False', reason, message });

/** The law of design.md. Suspended, Running, Complete and Failed are always there; Reconciling (until the gang runs)
 *  and Stalled (a terminal failure) only while true, as kstatus wants. Messages hold no times: they change only when
 *  the state does. */
function conditionsOf(decision: Exclude<Decision, { kind: 'Ended' }>, before: readonly Condition[]): Said[] {
  const running = (yes: boolean, reason: string, message: string): Said => say('Running', yes, reason, message);
  const common = (suspended: Said, run: Said): Said[] => [
    suspended, run, say('Complete', false, 'NotComplete', 'The run has not ended'), say('Failed', false, 'NotFailed', 'The run has not failed'),
  ];
  const awake = say('Suspended', false, 'NotSuspended', 'Nobody asks the run to stop');
  /** While a restart goes on its cause stays told, though the pods that showed it are gone. */
  const restarting = (loss: Loss | undefined, fallback: Said): Said => {
    const told = conditionOf(before, 'Running');
    if (loss !== undefined) return running(false, loss.reason, loss.message);
    return told === undefined || !RESTART_REASONS.has(told.reason) ? fallback : running(false, told.reason, told.message);
  };
  /** Whoever keeps pods from running is told in their own words; else the cause of the restart that goes on. */
  const waiting = (why: Waiting | undefined, loss: Loss | undefined): Said[] => {
    const starting = 'Waiting for all workers to run';
    const run = why === undefined ? restarting(loss, running(false, 'Starting', starting)) : running(false, why.reason, why.message);
    return [...common(awake, run), reconciling(why?.message ?? starting)];
  };
  const reconciling = (message: string): Said => say('Reconciling', true, 'GangNotRunning', message);

  switch (decision.kind) {
    case 'Waiting':
      return [...common(awake, running(false, decision.reason, decision.message)), reconciling(decision.message)];
    case 'Suspending':
      return [...common(say('Suspended', false, 'Suspending', 'The gang writes a checkpoint and ends'), running(false, 'Suspending', decision.message)), reconciling('The gang is ending')];
    case 'Suspended':
      return common(say('Suspended', true, 'Suspended', decision.message), running(false, 'Suspended', decision.message));
    case 'Complete':
      return [say('Suspended', false, 'Ended', 'The run has ended'), running(false, 'Complete', decision.message ?? 'Every worker has ended well'), say('Complete', true, 'Complete', decision.message ?? 'Every worker has ended well'), say('Failed', false, 'NotFailed', 'The run has not failed')];
    case 'Failed':
      return [say('Suspended', false, 'Ended', 'The run has ended'), running(false, decision.reason, decision.message), say('Complete', false, decision.reason, 'The run has failed'), say('Failed', true, decision.reason, decision.message), say('Stalled', true, decision.reason, decision.message)];
    case 'Settling':
      return [...common(awake, running(false, 'GangLost', decision.loss.message)), reconciling('The gang is lost and will be started again')];
    case 'Doubting':
      return [...common(awake, running(false, 'NodeMayBeLost', `${decision.loss.message}. No restart is left for that, but one for a lost node is free: waiting whether the other workers end when told to, or a node does not answer`)), reconciling('The gang is lost')];
    case 'Clearing':
    case 'BackingOff':
      return [...common(awake, restarting(decision.loss, running(false, 'Starting', 'Pods of an earlier attempt are ending'))), reconciling('The gang will be started again')];
    case 'Run':
      return decision.phase === 'Running'
        ? common(awake, running(true, 'AllWorkersRunning', 'All workers are running'))
        : waiting(decision.waiting, decision.loss);
    default: return decision satisfies never;
  }
}

/** Conditions to write: a transition time changes only with the status, observedGeneration is always the spec's. */
export function conditions(decision: Decision, before: readonly Condition[], now: string, generation: number): Condition[] {
  if (decision.kind === 'Ended') return before.map((condition) => ({ ...condition, observedGeneration: generation }));
  return conditionsOf(decision, before).map((said) => {
    const previous = conditionOf(before, said.type);
    const settled = previous?.status === said.status && UNDECIDED.has(said.reason) === UNDECIDED.has(previous.reason);
    return { ...said, lastTransitionTime: settled ? previous.lastTransitionTime : now, observedGeneration: generation };
  });
}
