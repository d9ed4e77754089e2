import { readFileSync, rmSync, existsSync, readdirSync } from 'node:fs';
import { LastWord, ProgressReport } from '@srdit/crds';
import { after } from '../plan/backoff.ts';
import { isAlive } from '../plan/gang.ts';
import { ATTEMPT_LABEL } from '../plan/objects/names.ts';
import type { Deletion, KubernetesObject, Observed, ObservedJob, ObservedPod } from '../plan/types.ts';
import { type Layout, type ResourceKey, readIfThere, writeAtomically } from './files.ts';
import { GangProcess } from './gang-process.ts';
import type { Isolation } from './namespace.ts';
import { localPods, type LocalPod } from './pods.ts';
import { isRunning, processId, type ProcessId } from './process-id.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface ClusterOptions {
  readonly key: ResourceKey;
  readonly layout: Layout;
  readonly runtime: readonly string[];
  readonly isolation: Isolation;
  /** Somebody wants to see the log lines. */
  readonly verbose: boolean;
  line(line: string): void;
  /** Something has happened; look again. */
  changed(): void;
}

/** As much of a cluster as one gang needs, made of processes: it takes the plan's objects, runs the Job's pods and can be
 *  observed. It never decides anything. */
export class LocalCluster implements Disposable {
  readonly #options: ClusterOptions;
  #job: Mutable<ObservedJob> | undefined;
  #pods: Mutable<ObservedPod>[] = [];
  #specs: readonly LocalPod[] = [];
  #gang: GangProcess | undefined;
  #progress: ProgressReport | undefined;
  #processes: ProcessId[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: ClusterOptions) { this.#options = options; }

  observe(): Pick<Observed, 'jobs' | 'pods' | 'progress'> {
    return {
      jobs: this.#job === undefined ? [] : [{ ...this.#job }],
      pods: this.#pods.map((pod) => ({ ...pod })),
      ...(this.#progress === undefined ? {} : { progress: this.#progress }),
    };
  }

  /** Creates what is not there yet. Services and policies have no counterpart: the namespace is both. */
  async apply(objects: readonly KubernetesObject[]): Promise<void> {
    for (const object of objects) {
      if (object.kind === 'Job' && this.#job === undefined) await this.#createJob(object);
    }
  }

  async #createJob(object: KubernetesObject): Promise<void> {
    const { key, layout, isolation, runtime } = this.#options;
    const attempt = Number(object.metadata.labels?.[ATTEMPT_LABEL]);
    const { template, completions } = object['spec'] as { completions: number; template: { spec: { containers: [{ env: { name: string; value?: string }[] }] } } };
    const ranks = template.spec.containers[0].env.find((variable) => variable.name === 'SRDIT_ADDRESSES')?.value?.split(',').length ?? 1;
    // A gang of one opens no port to others but its progress, on the loopback address.
    const prefix = ranks > 1 ? isolation.prefix : [];
    this.#job = { name: object.metadata.name, attempt };
    this.#pods = Array.from({ length: completions }, (_, worker) => ({ name: `${object.metadata.name}-${worker}`, attempt, worker, phase: 'Pending' }));
    this.#progress = undefined;
    this.#processes = [];
    this.#gang = await GangProcess.start(prefix, ranks + completions, {
      started: (worker, pid) => this.#started(worker, pid),
      ended: (worker, exitCode) => this.#ended(worker, exitCode),
      line: (line) => this.#options.line(line),
      progress: (text) => this.#heard(text),
      lost: () => this.#lost(),
    });
    this.#specs = localPods(object, {
      runtime, volumes: layout.volumes, folder: (pod) => layout.pod(key, pod), ports: this.#gang.ports, environment: process.env, gpus: gpuCount(),
    });
    for (const pod of this.#specs) {
      this.#gang.send({ type: 'start', worker: pod.worker, argv: pod.argv, env: pod.env, log: layout.log(key, attempt, pod.worker), lines: this.#options.verbose });
    }
  }

  #pod(worker: number): Mutable<ObservedPod> | undefined { return this.#pods.find((pod) => pod.worker === worker); }

  #started(worker: number, pid: number): void {
    const pod = this.#pod(worker);
    if (pod?.phase === 'Pending') pod.phase = 'Running';
    this.#processes.push(processId(pid));
    writeAtomically(this.#options.layout.pods(this.#options.key), JSON.stringify(this.#processes));
    this.#options.changed();
  }

  #ended(worker: number, exitCode: number): void {
    const pod = this.#pod(worker);
    if (pod === undefined) return;
    const word = lastWord(this.#specs.find((spec) => spec.worker === worker)?.terminationLog);
    Object.assign(pod, { phase: exitCode === 0 ? 'Succeeded' : 'Failed', exitCode, ...(word === undefined ? {} : { lastWord: word }) });
    this.#options.changed();
  }

  #lost(): void {
    for (const pod of this.#pods.filter(isAlive)) Object.assign(pod, { phase: 'Failed', reason: 'ExecutorLost' });
    this.#gang = undefined;
    this.#options.changed();
  }

  #heard(text: string): void {
    try {
      const report = ProgressReport.safeParse(JSON.parse(text));
      if (report.success) this.#progress = report.data;
    } catch {
      return; // half an answer of a rank that is ending
    }
    this.#options.changed();
  }

  /** Asks rank 0; the answer comes as a change. */
  ask(): void {
    const port = this.#specs[0]?.httpPort;
    if (port !== undefined && this.#pods.some(isAlive)) this.#gang?.send({ type: 'ask', port });
  }

  delete(deletions: readonly Deletion[], now: string): void {
    for (const one of deletions) {
      if (one.kind === 'Job' && this.#job?.name === one.name) {
        this.#job.deletionTime ??= now;
        for (const pod of this.#pods) this.#end(pod, now, false);
      }
      if (one.kind === 'Pod') for (const pod of this.#pods.filter((candidate) => candidate.name === one.name)) this.#end(pod, now, one.force ?? false);
    }
  }

  /** As a kubelet ends a pod: TERM, its grace period, KILL. */
  #end(pod: Mutable<ObservedPod>, now: string, force: boolean): void {
    if (!isAlive(pod)) return;
    const signal = (name: 'SIGTERM' | 'SIGKILL'): void => this.#gang?.send({ type: 'signal', worker: pod.worker, signal: name });
    if (force) { signal('SIGKILL'); return; }
    if (pod.deletionTime !== undefined) return;
    const grace = this.#specs.find((spec) => spec.worker === pod.worker)?.graceSeconds ?? 30;
    pod.deletionTime = after(now, grace);
    signal('SIGTERM');
    const timer = setTimeout(() => { if (isAlive(pod)) signal('SIGKILL'); }, grace * 1000);
    this.#timers.add(timer);
  }

  /** Somebody does not want to wait for checkpoints. */
  kill(): void {
    for (const pod of this.#pods.filter(isAlive)) this.#gang?.send({ type: 'signal', worker: pod.worker, signal: 'SIGKILL' });
  }

  /** Removes a deleted Job whose pods have all ended, once a plan has seen how they ended. */
  collect(): void {
    if (this.#job?.deletionTime === undefined || this.#pods.some(isAlive)) return;
    this.#release();
    this.#job = undefined;
    this.#pods = [];
    this.#progress = undefined;
    this.#options.changed();
  }

  #release(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#gang?.[Symbol.dispose]();
    this.#gang = undefined;
    rmSync(this.#options.layout.pods(this.#options.key), { force: true });
    for (const pod of this.#pods) rmSync(this.#options.layout.pod(this.#options.key, pod.name), { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.kill();
    this.#release();
  }
}

function lastWord(path: string | undefined): LastWord | undefined {
  if (path === undefined) return undefined;
  try {
    return LastWord.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch {
    return undefined; // killed before it could say anything
  }
}

const gpuCount = (): number => (existsSync('/proc/driver/nvidia/gpus') ? readdirSync('/proc/driver/nvidia/gpus').length : 0);

/** Ends what an executor that was killed may have left. Its workers end by themselves when their standard input does;
 *  this makes sure of it before a new gang starts. */
export async function endLeftovers(path: string): Promise<number> {
  let left: ProcessId[];
  try {
    left = JSON.parse(readIfThere(path) ?? '[]') as ProcessId[];
  } catch {
    left = [];
  }
  const alive = left.filter(isRunning);
  for (const { pid } of alive) {
    try { process.kill(-pid, 'SIGKILL'); } catch { /* it went in this moment */ }
  }
  for (let wait = 0; wait < 100 && alive.some(isRunning); wait += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  rmSync(path, { force: true });
  return alive.length;
}
