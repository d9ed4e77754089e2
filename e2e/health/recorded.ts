/** Every status that is different in kind, from a watch over all namespaces as long as the cluster lives. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { EvaluationStatus, TrainingStatus } from '@srdit/crds';
import type { Cluster } from '../cluster/cluster.ts';
import { watchObjects } from '../watch.ts';

export interface Recorded {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly generation: number; readonly deletionTimestamp?: string };
  readonly spec: { readonly suspend?: boolean };
  readonly status?: TrainingStatus | EvaluationStatus;
}

/** Two with the same key differ in numbers and names only. */
const keyOf = ({ kind, metadata: { generation }, status }: Recorded): string => JSON.stringify([
  kind, status?.state, status?.observedGeneration === generation, status?.conditions?.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`).sort(),
]);

const PAUSE = 1000;

export class StatusRecorder implements Disposable {
  readonly #first = new Map<string, Recorded>();
  readonly #children = new Set<ChildProcess>();
  #over = false;

  constructor(cluster: Cluster) {
    for (const kind of ['srdittrainings', 'srditevaluations']) this.#watch(cluster, kind);
  }

  /** A watch ends with the API server that it asks, which scenarios kill; the next one begins with all that is there. */
  #watch(cluster: Cluster, kind: string): void {
    if (this.#over) return;
    const child = watchObjects<Recorded>(cluster, [kind, '-A'], (_, object) => { this.#take(object); });
    this.#children.add(child);
    child.once('close', () => {
      this.#children.delete(child);
      setTimeout(() => { this.#watch(cluster, kind); }, PAUSE).unref();
    });
  }

  #take(object: Recorded): void {
    // Of what is being deleted both tools say that it is.
    if (object.metadata.deletionTimestamp !== undefined) return;
    const key = keyOf(object);
    if (this.#first.has(key)) return;
    const { apiVersion, kind, metadata: { name, generation }, spec: { suspend }, status } = object;
    this.#first.set(key, { apiVersion, kind, metadata: { name, generation }, spec: suspend === undefined ? {} : { suspend }, ...(status === undefined ? {} : { status }) });
  }

  get all(): readonly Recorded[] { return [...this.#first.values()]; }

  /** One resource a line, in the order of kind and state. */
  write(path: string): void {
    const lines = [...this.#first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => JSON.stringify(object));
    writeFileSync(path, `[\n${lines.join(',\n')}\n]\n`);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    for (const child of this.#children) child.kill();
  }
}
