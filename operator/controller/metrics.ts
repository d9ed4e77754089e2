import type { Informer, Operator } from 'kopf-ts';
import { STATES } from '@srdit/crds';
import type { Status } from '../plan/types.ts';
import type { CustomObject } from './kubernetes.ts';
import { statusOf } from './parsed.ts';

/** Counts for dashboards and alerts. Labels are states, reasons and namespaces, never names of runs. */
export function measure(operator: Operator, caches: readonly Informer<CustomObject>[]): { wrote(object: CustomObject, before: Status | undefined, after: Status): void } {
  const { registry } = operator.metrics;
  const resources = registry.gauge('srdit_resources', 'Trainings and evaluations by state, told by the replica that leads');
  const restarts = registry.counter('srdit_restarts_total', 'Restarts of whole gangs by reason');
  for (const { resource: { kind }, store } of caches) {
    const count = new Map<string, number>();
    const move = (object: CustomObject, by: 1 | -1): void => {
      const state = statusOf(object)?.state ?? 'Pending';
      count.set(state, (count.get(state) ?? 0) + by);
    };
    store.subscribe((change) => {
      if (change.type === 'updated') move(change.before, -1);
      move(change.object, change.type === 'deleted' ? -1 : 1);
    });
    for (const state of STATES) resources.read({ kind, state }, () => (operator.leads ? count.get(state) ?? 0 : 0));
  }
  return {
    wrote: ({ kind = '', metadata: { namespace = '' } }, before, after) => {
      for (const [reason, times] of Object.entries(after.restarts?.reasons ?? {})) {
        const more = times - (before?.restarts?.reasons?.[reason] ?? 0);
        if (more > 0) restarts.add({ kind, namespace, reason }, more);
      }
    },
  };
}
