import { after } from './backoff.ts';
import type { Observed, ObservedPod, PlanOptions } from './types.ts';

/** When a pod that was told to go counts as one whose kubelet does not answer; undefined while nobody told it. */
export const overdueAt = ({ deletionTime }: ObservedPod, options: PlanOptions): string | undefined =>
  (deletionTime === undefined ? undefined : after(deletionTime, options.forceAfterSeconds));

export function isOverdue(pod: ObservedPod, observed: Observed, options: PlanOptions): boolean {
  const at = overdueAt(pod, options);
  return at !== undefined && observed.now >= at;
}
