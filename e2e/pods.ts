/** What happens to the pods of a scenario, from a watch as it goes. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { Cluster } from './cluster/cluster.ts';
import type { World } from './scenario.ts';
import { watchObjects } from './watch.ts';

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly labels: Readonly<Record<string, string>>; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase: string; readonly containerStatuses?: readonly { readonly state: { readonly terminated?: { readonly exitCode: number } } }[] };
}

/** A pod of a run as an event of a watch told it. */
export interface Sighting {
  /** When the event came, milliseconds since 1970. */
  readonly time: number;
  readonly run: string;
  readonly attempt: number;
  readonly pod: string;
  readonly phase: string;
  /** Its process is gone, or never will be. */
  readonly ended: boolean;
  readonly exitCode?: number;
}

/** Pods of an attempt of a training, by worker. */
export async function podsOf(world: World, name: string, attempt: number): Promise<Pod[]> {
  const { items } = await world.get<{ items: Pod[] }>('pods', '-l', `app.kubernetes.io/instance=${name},srdit.dev/attempt=${attempt}`);
  const index = ({ metadata }: Pod): number => Number(metadata.labels['batch.kubernetes.io/job-completion-index']);
  return items.sort((a, b) => index(a) - index(b));
}

/** Watches a namespace's pods. At its end it tells whether pods of two attempts of one run were ever there together with processes in them: created and
 *  neither ended nor removed. */
export class PodWatch implements Disposable {
  readonly #child: ChildProcess;
  /** run -> attempt -> uids of pods alive. */
  readonly #alive = new Map<string, Map<number, Set<string>>>();
  readonly #overlaps: string[] = [];
  readonly #log: string[] = [];
  /** All events in their order. */
  readonly sightings: Sighting[] = [];
  /** Newest attempt seen of each run. */
  readonly #newest = new Map<string, number>();
  #ended = false;

  constructor(cluster: Cluster, namespace: string) {
    this.#child = watchObjects<Pod>(cluster, ['-n', namespace, 'pods'], (type, pod) => { this.#take(type, pod); });
    this.#child.once('exit', () => { this.#ended = true; });
  }

  #take(type: string, { metadata, status, spec }: Pod): void {
    const run = metadata.labels['app.kubernetes.io/instance'];
    const attempt = Number(metadata.labels['srdit.dev/attempt']);
    if (run === undefined || Number.isNaN(attempt)) return;
    // A container's end is known before the pod's phase says so.
    const containers = status.containerStatuses ?? [];
    const ended = type === 'DELETED' || status.phase === 'Succeeded' || status.phase === 'Failed' || (containers.length > 0 && containers.every(({ state }) => state.terminated !== undefined));
    const exitCode = containers[0]?.state.terminated?.exitCode;
    const now = new Date();
    this.#log.push(`${now.toISOString()} ${type} ${metadata.name} ${status.phase} on ${spec.nodeName ?? 'no node'}${metadata.deletionTimestamp === undefined ? '' : ' deleting'}${exitCode === undefined ? '' : ` terminated with ${exitCode}`}`);
    this.sightings.push({ time: now.getTime(), run, attempt, pod: metadata.name, phase: status.phase, ended, ...(exitCode !== undefined && { exitCode }) });
    this.#newest.set(run, Math.max(attempt, this.#newest.get(run) ?? 0));
    const attempts = this.#alive.get(run) ?? new Map<number, Set<string>>();
    this.#alive.set(run, attempts);
    const alive = attempts.get(attempt) ?? new Set<string>();
    attempts.set(attempt, alive);
    if (ended) alive.delete(metadata.uid);
    else alive.add(metadata.uid);
    const together = [...attempts].filter(([, uids]) => uids.size > 0).map(([number]) => number);
    if (together.length > 1) this.#overlaps.push(`${run}: attempts ${together.join(' and ')} at ${metadata.name} (${type})`);
  }

  /** No two attempts of a run were ever alive together, and the watch was there to see it: it goes on, and it has seen pods of the last attempt of each run.
   *  attempts: what that is, by run.
   *  @throws AssertionError */
  apart(attempts: Readonly<Record<string, number>>): void {
    assert.ok(!this.#ended, 'The watch of pods has ended too early to tell anything');
    assert.deepEqual(Object.fromEntries([...this.#newest].sort()), Object.fromEntries(Object.entries(attempts).sort()), 'last attempts that the watch has seen');
    assert.deepEqual(this.#overlaps, [], 'two attempts alive together');
  }

  get log(): string { return this.#log.join('\n'); }

  [Symbol.dispose](): void { this.#child.kill(); }
}

/** Processes of ranks, whatever the cluster thinks of their pods, by the host names that pods of a Job have: TRAINING-train-ATTEMPT-WORKER. */
export const rankProcesses = (world: World, host: RegExp): number[] => world.cluster.processes((command, environment) =>
  (command.startsWith('srdit-runtime\0') || command.endsWith('\0rank\0')) && environment.split('\0').some((line) => line.startsWith('HOSTNAME=') && host.test(line.slice('HOSTNAME='.length))));

/** As a drain does. */
export const evict = (world: World, pod: string): Promise<string> => world.cluster.kubectl(['create', '--raw', `/api/v1/namespaces/${world.namespace}/pods/${pod}/eviction`, '-f', '-'],
  { input: JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace: world.namespace } }) });

/** Ends a rank's process as if the kernel had: no container runtime, no kubelet is asked. SIGQUIT makes a contract rank, a program in Go, end with exit code 2. */
export function killRank(world: World, host: string, signal: NodeJS.Signals = 'SIGKILL'): void {
  const found = rankProcesses(world, new RegExp(`^${host}$`));
  if (found.length === 0) throw new Error(`No process of ${host} is there to be killed`);
  for (const pid of found) process.kill(pid, signal);
}
