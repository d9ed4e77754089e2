import { isDeepStrictEqual } from 'node:util';
import { ExitCode } from '@srdit/crds';
import { gangOf } from '../plan/gang-of.ts';
import { isAlive } from '../plan/gang.ts';
import { isOurs } from '../plan/managed-by.ts';
import { plan } from '../plan/plan.ts';
import { isSeries } from '../plan/series.ts';
import { DEFAULT_OPTIONS, type Gang, type Observed, type ObservedPod, type PlanOptions, type Status } from '../plan/types.ts';
import { endLeftovers, LocalCluster } from './cluster.ts';
import type { Display } from './display.ts';
import { RunError } from './errors.ts';
import type { Layout } from './files.ts';
import { holderOf, lock } from './lock.ts';
import { isolationFor, type Isolation } from './namespace.ts';
import { admit, keyOf, load, save, type Stored } from './state.ts';
import type { Resource } from '@srdit/crds';

/** What a person at the terminal wants: aborted once to stop in order, `kill` to end at once. */
export interface Wish { readonly stop: AbortSignal; readonly kill: AbortSignal }

export interface ExecutorOptions {
  readonly layout: Layout;
  /** What the command `srdit-runtime` is on this machine. */
  readonly runtime: readonly string[];
  readonly isolation: Isolation;
  readonly display: Display;
  readonly verbose: boolean;
  readonly wish: Wish;
  /** Milliseconds between two looks at rank 0's progress; default 1000. */
  readonly pollMilliseconds?: number;
}

/** On one machine nothing is evicted: a short wait only lets all workers say how they ended. */
const PLAN: PlanOptions = { ...DEFAULT_OPTIONS, causeWindowSeconds: 2, forceAfterSeconds: 5 };

/** Longest time between two looks; and between two at a training that is waited for. */
const LOOK_MS = 5000;
const WAIT_MS = 1000;

/** Ends with 75, but not because somebody wanted the run to stop. */
const PASSING: ReadonlySet<string> = new Set(['Fenced', 'ClaimTaken', 'JoinTimedOut', 'PortInUse', 'CheckpointGone']);

/** Why a rank has stopped though we did not tell it to: whoever sent it TERM wants the run to stop, and so does a disk that takes
 *  no checkpoint. */
function stopped(pods: readonly ObservedPod[]): string | undefined {
  if (pods.some((pod) => pod.phase === 'Failed' && pod.exitCode !== ExitCode.Stopped && pod.exitCode !== ExitCode.PeerLost)) return undefined;
  const told = pods.filter((pod) => pod.deletionTime === undefined && pod.exitCode === ExitCode.Stopped && !PASSING.has(pod.lastWord?.reason ?? ''));
  if (told.length === 0) return undefined;
  const words = told.map((pod) => pod.lastWord).find((word) => word !== undefined && word.reason !== 'Stopped');
  return words?.message ?? 'A rank was told to stop; the same command goes on';
}

/** Runs one resource to its end (or until somebody stops it): observe, plan, write the status, then act. The same plan as
 *  in a cluster; only the hands differ. Returns the resource as it is stored then.
 *  @throws RunError InUse if another process runs it, ResourceError if the spec must not change so */
export async function runResource(resource: Resource, options: ExecutorOptions): Promise<Stored> {
  const { layout, display, wish } = options;
  const key = keyOf(resource);
  if (!isOurs(resource)) throw new RunError('BadInput', `Cannot run ${key.kind} "${key.name}": spec.managedBy leaves it to "${resource.spec.managedBy ?? ''}". Remove spec.managedBy to run it here`);
  const held = lock(layout.lock(key));
  if (!(Symbol.dispose in held)) {
    throw new RunError('InUse', `Cannot run ${key.kind} "${key.name}": process ${held.pid} runs it already. Watch it with ./srdit status, or stop it there with Ctrl-C first`);
  }
  using _held = held;
  await endLeftovers(layout.pods(key));

  let stored = admit(resource, load(layout, key), new Date().toISOString());
  const gang = gangOf(stored);
  let wake = (): void => {};
  using cluster = new LocalCluster({
    key, layout, runtime: options.runtime, isolation: isolationFor(resource.spec, options.isolation), verbose: options.verbose,
    line: (line) => display.line(line), changed: () => wake(),
  });
  const kill = (): void => cluster.kill();
  const stop = (): void => wake();
  wish.kill.addEventListener('abort', kill);
  wish.stop.addEventListener('abort', stop);
  const poll = setInterval(() => cluster.ask(), options.pollMilliseconds ?? 1000);
  display.begin(stored);
  let stopping: string | undefined;
  let looked = Date.now();
  let watchedSince = looked;
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => { wake = resolve; });
      // A machine that slept was no slower for it.
      if (Date.now() - looked > 6 * LOOK_MS) watchedSince = Date.now();
      looked = Date.now();
      // Looked at before its state: whoever has let go of the training has written the last of it.
      const deserted = isDeserted(gang, layout);
      const seen = cluster.observe();
      if (wish.stop.aborted) stopping ??= 'Stopped at the terminal; the same command goes on';
      stopping ??= stopped(seen.pods);
      const observed: Observed = {
        now: new Date().toISOString(), watchedSince: new Date(watchedSince).toISOString(), ...seen,
        ...(stored.status === undefined ? {} : { status: stored.status }),
        ...(stopping === undefined ? {} : { stop: stopping }),
        ...trainingOf(gang, layout),
      };
      const planned = plan(gang, observed, PLAN);
      if (!isDeepStrictEqual(planned.status, stored.status)) {
        stored = { ...stored, status: planned.status } as Stored;
        save(layout, stored);
      }
      display.update(stored, observed);
      if (stopping === undefined && deserted !== undefined && waitsForTraining(planned.status)) {
        stopping = deserted;
        continue;
      }
      cluster.delete(planned.deletes, observed.now);
      cluster.collect();
      await cluster.apply(planned.objects);
      const { state } = planned.status;
      // A training that is being run may come to have more checkpoints.
      const mayGoOn = isSeries(gang) && state === 'Complete' && deserted === undefined;
      if (!mayGoOn && (state === 'Complete' || state === 'Failed' || state === 'Suspended') && !cluster.observe().pods.some(isAlive)) return stored;
      await pause(woken, mayGoOn || waitsForTraining(planned.status) ? WAIT_MS : LOOK_MS, planned.wakeAt);
    }
  } finally {
    clearInterval(poll);
    wish.kill.removeEventListener('abort', kill);
    wish.stop.removeEventListener('abort', stop);
    display.end(stored);
  }
}

/** Until something happens, `wakeAt` comes, or `longest` milliseconds are over (another process may have written the training's state). */
async function pause(woken: Promise<void>, longest: number, wakeAt: string | undefined): Promise<void> {
  const wait = wakeAt === undefined ? longest : Math.min(longest, Math.max(0, Date.parse(wakeAt) - Date.now()));
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([woken, new Promise<void>((resolve) => { timer = setTimeout(resolve, wait); })]);
  clearTimeout(timer);
}

/** Status of the training that an evaluation measures, as this machine knows it. */
function trainingOf(gang: Gang, layout: Layout): Pick<Observed, 'training'> {
  if (gang.kind !== 'SRDiTEvaluation' || gang.spec.checkpoint.training === undefined) return {};
  const training = load(layout, { kind: 'SRDiTTraining', namespace: gang.metadata.namespace, name: gang.spec.checkpoint.training.name });
  if (training?.kind !== 'SRDiTTraining') return { training: null };
  return { training: { spec: training.spec, status: training.status as Status | undefined } };
}

/** Why nobody here goes on with the training that an evaluation names; undefined while somebody does. */
function isDeserted(gang: Gang, layout: Layout): string | undefined {
  const name = gang.kind === 'SRDiTEvaluation' ? gang.spec.checkpoint.training?.name : undefined;
  if (name === undefined || holderOf(layout.lock({ kind: 'SRDiTTraining', namespace: gang.metadata.namespace, name })) !== undefined) return undefined;
  return `SRDiTTraining "${name}" does not run any more; ./srdit run -f TRAINING -f EVALUATION goes on with both`;
}

const WAITS_FOR_TRAINING: ReadonlySet<string> = new Set(['TrainingNotFound', 'TrainingNotComplete', 'TrainingFailed', 'CheckpointNotWritten']);
const waitsForTraining = ({ state, conditions }: Status): boolean =>
  state === 'Pending' && conditions?.some(({ type, reason }) => type === 'Running' && WAITS_FOR_TRAINING.has(reason)) === true;

/** Exit code of `srdit run` for a resource as it was left. */
export function exitCodeOf(stored: Stored): number {
  const reason = stored.status?.conditions?.find((condition) => condition.type === 'Failed' && condition.status === 'True')?.reason;
  switch (stored.status?.state) {
    case 'Complete': return ExitCode.Done;
    case 'Failed': return reason === 'WrongConfiguration' || reason === 'NoCheckpoint' ? ExitCode.WrongConfiguration : reason === 'Diverged' ? ExitCode.Diverged : 1;
    default: return ExitCode.Stopped;
  }
}
