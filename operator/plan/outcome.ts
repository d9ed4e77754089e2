import { CHECKPOINT_DAMAGED, ExitCode } from '@srdit/crds';
import type { ObservedJob, ObservedPod } from './types.ts';

/** Why an attempt ended, or is ending. `WrongConfiguration` and `Diverged` end the run, `CheckpointDamaged` a round of an evaluation of
 *  every checkpoint; the others restart the gang. */
export interface Loss {
  readonly kind: 'WrongConfiguration' | 'Diverged' | 'CheckpointDamaged' | 'Disrupted' | 'Crashed' | 'Stopped' | 'PeerLost' | 'PodGone' | 'NoProgress';
  readonly reason: string;
  readonly message: string;
  /** The process chose its end itself: nothing that the cluster did can still explain it. */
  readonly own?: true;
}

export type Outcome = { readonly kind: 'Going' } | { readonly kind: 'Complete' } | { readonly kind: 'Lost'; readonly loss: Loss };

/** What the cluster did to the pod, not the pod to itself (pod conditions and reasons of Kubernetes). */
const DISRUPTIONS: ReadonlySet<string> = new Set([
  'DisruptionTarget', 'EvictionByEvictionAPI', 'Evicted', 'Preempting', 'PreemptionByScheduler', 'DeletionByTaintManager',
  'DeletionByPodGC', 'TerminationByKubelet', 'NodeLost', 'NodeShutdown', 'Shutdown', 'Terminated', 'ExecutorLost',
]);

/** Root causes first: a rank that lost its peer is never the root while another explanation stands. */
const ORDER: readonly Loss['kind'][] = ['WrongConfiguration', 'Diverged', 'CheckpointDamaged', 'Disrupted', 'Crashed', 'Stopped', 'PeerLost'];

const SIGNALS: Readonly<Record<number, string>> = { 6: 'SIGABRT', 9: 'SIGKILL', 11: 'SIGSEGV', 15: 'SIGTERM' };

/** Whether the cluster took it away, or is about to. */
export const wasTakenAway = ({ reason }: ObservedPod): boolean => reason !== undefined && DISRUPTIONS.has(reason);

/** Whether it ended because somebody told it to, whether in time or not. */
export const wasStopped = (pod: ObservedPod): boolean => !wasTakenAway(pod) && (pod.exitCode === ExitCode.Stopped || overran(pod));

function lossOf(pod: ObservedPod): Loss {
  const said = pod.lastWord?.message;
  const who = `Worker ${pod.worker}`;
  if (pod.exitCode === ExitCode.WrongConfiguration) {
    const kind = pod.lastWord?.reason === CHECKPOINT_DAMAGED ? 'CheckpointDamaged' : 'WrongConfiguration';
    return { kind, reason: 'WrongConfiguration', message: said ?? `${who} refused its configuration; its log says why` };
  }
  if (pod.exitCode === ExitCode.Diverged) {
    return { kind: 'Diverged', reason: 'Diverged', message: said ?? `${who} met a loss that is not a number; lower spec.optimizer.learningRate` };
  }
  if (wasTakenAway(pod)) {
    return { kind: 'Disrupted', reason: 'Disrupted', message: `${who} was taken away (${pod.reason ?? ''})` };
  }
  if (pod.exitCode === ExitCode.Stopped) return { kind: 'Stopped', reason: 'Stopped', message: said ?? `${who} was told to stop` };
  if (overran(pod)) {
    return { kind: 'Stopped', reason: 'Stopped', message: `${who} was deleted, and was killed at the end of its grace period; raise spec.pod.terminationGracePeriodSeconds if its checkpoint takes longer` };
  }
  if (pod.exitCode === ExitCode.PeerLost) {
    const peer = pod.lastWord?.lostRank;
    return { kind: 'PeerLost', reason: 'PeerLost', message: peer === undefined ? `${who} lost a peer` : `${who} lost rank ${peer}` };
  }
  if (pod.reason === 'OOMKilled') {
    return { kind: 'Crashed', reason: 'OutOfMemory', message: `${who} ran out of memory; lower spec.batchSize or give the pods more`, own: true };
  }
  const signal = pod.exitCode === undefined ? undefined : SIGNALS[pod.exitCode - 128];
  const how = pod.exitCode === undefined ? 'ended without an exit code' : `ended with exit code ${pod.exitCode}${signal ? ` (${signal})` : ''}`;
  // Shells and kubelets report a signal as 128 and more: an eviction or a dying node ends processes so, too.
  const own = pod.exitCode !== undefined && pod.exitCode < 128;
  return { kind: 'Crashed', reason: 'WorkerCrashed', message: said === undefined ? `${who} ${how}` : `${who} ${how}: ${said}`, ...(own && { own }) };
}

/** Whether somebody deleted it, and it was killed because it did not end in time by itself. One that was killed before has a cause of
 *  its own: kube's Job controller deletes it, too, once a peer has failed. Times of Kubernetes are whole seconds. */
function overran({ exitCode = 0, deletionTime, endTime }: ObservedPod): boolean {
  return exitCode >= 128 && deletionTime !== undefined && endTime !== undefined && Date.parse(endTime) + 1000 >= Date.parse(deletionTime);
}

/** How the attempt stands. pods, job: those of the attempt; wasRunning: all of its pods were seen running before. */
export function outcomeOf(pods: readonly ObservedPod[], job: ObservedJob | undefined, workers: number, wasRunning: boolean): Outcome {
  const failed = pods.filter((pod) => pod.phase === 'Failed');
  // One that the cluster is taking away explains why the others lost a peer, though its own end is not told yet, or never will be.
  const leaving = failed.length === 0 ? [] : pods.filter((pod) => pod.phase === 'Running' && wasTakenAway(pod));
  const worst = [...failed, ...leaving]
    .map((pod) => ({ pod, loss: lossOf(pod) }))
    .sort((a, b) => ORDER.indexOf(a.loss.kind) - ORDER.indexOf(b.loss.kind) || a.pod.worker - b.pod.worker)[0];
  if (worst !== undefined) return { kind: 'Lost', loss: worst.loss };

  const present = new Set(pods.map((pod) => pod.worker));
  const succeeded = new Set(pods.filter((pod) => pod.phase === 'Succeeded').map((pod) => pod.worker));
  if (succeeded.size >= workers) return { kind: 'Complete' };
  if (wasRunning || job?.failed !== undefined) {
    const gone = Array.from({ length: workers }, (_, worker) => worker).filter((worker) => !present.has(worker));
    if (gone.length > 0) {
      return { kind: 'Lost', loss: { kind: 'PodGone', reason: 'PodGone', message: `The pod of worker ${gone.join(', ')} is gone` } };
    }
  }
  return { kind: 'Going' };
}

/** Reasons of the condition Running between a loss and what follows from it. Its transition time is then that of the loss. */
export const UNDECIDED: ReadonlySet<string> = new Set(['GangLost', 'NodeMayBeLost']);

/** Reasons under which a restart is told in the condition Running. */
export const RESTART_REASONS: ReadonlySet<string> = new Set(['Disrupted', 'OutOfMemory', 'WorkerCrashed', 'Stopped', 'PeerLost', 'PodGone', 'NoProgress']);

/** Whether the restart counts against gang.maxRestarts: only what the run did to itself does. */
export const isCharged = (loss: Loss): boolean => loss.kind === 'Crashed' || loss.kind === 'PeerLost' || loss.kind === 'NoProgress';

/** Whether no later observation can explain the loss better. */
export const isSettled = (loss: Loss): boolean => loss.kind === 'Disrupted' || loss.kind === 'NoProgress' || loss.own === true;
