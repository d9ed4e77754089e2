import { LastWord } from '@srdit/crds';
import { ATTEMPT_LABEL, UID_LABEL } from '../plan/objects/names.ts';
import type { ObservedJob, ObservedPod, Waiting } from '../plan/types.ts';
import type { ContainerStatus, Job, Pod } from './kubernetes.ts';

const CONTAINER = 'runtime';
const INDEX_LABEL = 'batch.kubernetes.io/job-completion-index';

/** Waits that end by themselves and need no words. */
const PASSING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** Attempt of an object of the resource with this uid. Leftovers of a resource of the same name that was deleted count as
 *  attempt 0: older than any, so they must leave first. */
function attemptOf(object: Pod | Job, uid: string): number {
  const { labels } = object.metadata;
  const attempt = Number(labels?.[ATTEMPT_LABEL]);
  return labels?.[UID_LABEL] === uid && Number.isInteger(attempt) ? attempt : 0;
}

/** A pod as the plan sees it. */
export function observedPod(pod: Pod, uid: string): ObservedPod {
  const container = pod.status?.containerStatuses?.find(({ name }) => name === CONTAINER);
  const terminated = container?.state?.terminated;
  const reason = reasonOf(pod, terminated);
  const word = lastWord(terminated?.message);
  const waiting = waitingOf(pod, container);
  const { deletionTimestamp } = pod.metadata;
  return {
    name: pod.metadata.name ?? '', attempt: attemptOf(pod, uid), worker: Number(pod.metadata.labels?.[INDEX_LABEL] ?? 0), phase: phaseOf(pod, terminated),
    ...(terminated !== undefined && { exitCode: terminated.exitCode }), ...(terminated?.finishedAt !== undefined && { endTime: terminated.finishedAt }), ...(word !== undefined && { lastWord: word }),
    ...(reason !== undefined && { reason }), ...(waiting !== undefined && { waiting }), ...(deletionTimestamp !== undefined && { deletionTime: deletionTimestamp }),
  };
}

/** The container's end is known a moment before the pod's phase says so. */
function phaseOf(pod: Pod, terminated: { readonly exitCode: number } | undefined): ObservedPod['phase'] {
  const phase = pod.status?.phase;
  if (phase === 'Failed' || phase === 'Succeeded') return phase;
  if (terminated !== undefined) return terminated.exitCode === 0 ? 'Succeeded' : 'Failed';
  return phase === 'Running' || phase === 'Unknown' ? 'Running' : 'Pending';
}

/** What the cluster did to the pod comes before what the container says of itself. */
function reasonOf(pod: Pod, terminated: { readonly reason?: string } | undefined): string | undefined {
  const disrupted = pod.status?.conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  if (disrupted !== undefined) return disrupted.reason ?? 'DisruptionTarget';
  if (pod.status?.reason !== undefined && pod.status.reason !== '') return pod.status.reason;
  return terminated?.reason === 'OOMKilled' ? 'OOMKilled' : undefined;
}

function waitingOf(pod: Pod, container: ContainerStatus | undefined): Waiting | undefined {
  if (pod.status?.phase !== 'Pending') return undefined;
  const scheduled = pod.status.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') return { reason: scheduled.reason ?? 'Unschedulable', message: scheduled.message ?? 'The pod is not scheduled yet' };
  const waiting = container?.state?.waiting;
  if (waiting?.reason === undefined || PASSING.has(waiting.reason)) return undefined;
  return { reason: waiting.reason, message: waiting.message ?? waiting.reason };
}

/** The termination message is written by a pod, so it is believed only as far as it parses. */
function lastWord(message: string | undefined): LastWord | undefined {
  if (message === undefined || message === '') return undefined;
  try {
    return LastWord.safeParse(JSON.parse(message)).data;
  } catch {
    return undefined;
  }
}

/** A Job as the plan sees it. */
export function observedJob(job: Job, uid: string, waiting?: Waiting): ObservedJob {
  const failed = job.status?.conditions?.find(({ type, status }) => (type === 'Failed' || type === 'FailureTarget') && status === 'True');
  const { name = '', uid: jobUid, deletionTimestamp } = job.metadata;
  return {
    name, attempt: attemptOf(job, uid), ...(jobUid !== undefined && { uid: jobUid }), ...(deletionTimestamp !== undefined && { deletionTime: deletionTimestamp }),
    ...(failed !== undefined && { failed: failed.reason ?? failed.type }), ...(waiting !== undefined && { waiting }),
  };
}
