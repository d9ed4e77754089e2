/** One watcher with one clock: when objects of each gang came into being. */
import { Informer, resource, type Client, type KubeObject } from 'kopf-ts';

/** What an operator under test makes, and how its objects name their gang. */
export interface Shape {
  readonly gangs: ReturnType<typeof resource<KubeObject>>;
  readonly labelSelector: string;
  readonly gangOf: (object: KubeObject) => string | undefined;
}

export interface Seen {
  /** Milliseconds (performance.now) of the first sight of each. */
  created?: number;
  service?: number;
  job?: number;
  /** Of every pod, in order. */
  readonly pods: { readonly at: number; readonly name: string; readonly attempt: string }[];
}

export class Observer {
  readonly #gangs = new Map<string, Seen>();
  readonly #stop = new AbortController();
  readonly #informers: Informer<KubeObject>[];

  constructor(client: Client, { gangs, labelSelector, gangOf }: Shape) {
    const small = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => ({ apiVersion: apiVersion ?? '', kind: kind ?? '', metadata });
    const watch = (of: ReturnType<typeof resource<KubeObject>>, selector: string | undefined, see: (seen: Seen, object: KubeObject) => void): Informer<KubeObject> => {
      const informer = new Informer<KubeObject>(of, { transform: small, ...(selector === undefined ? {} : { labelSelector: selector }) }, { client });
      informer.store.subscribe((change) => {
        const gang = change.type === 'added' ? selector === undefined ? change.object.metadata.name : gangOf(change.object) : undefined;
        if (gang !== undefined) see(this.of(gang), change.object);
      });
      return informer;
    };
    this.#informers = [
      watch(gangs, undefined, (seen) => { seen.created ??= performance.now(); }),
      watch(resource<KubeObject>('v1', 'Service', 'services'), labelSelector, (seen) => { seen.service ??= performance.now(); }),
      watch(resource<KubeObject>('batch/v1', 'Job', 'jobs'), labelSelector, (seen) => { seen.job ??= performance.now(); }),
      watch(resource<KubeObject>('v1', 'Pod', 'pods'), labelSelector, (seen, { metadata: { name = '', ownerReferences } }) => {
        seen.pods.push({ at: performance.now(), name, attempt: ownerReferences?.[0]?.uid ?? '' });
      }),
    ];
    for (const informer of this.#informers) void informer.run(this.#stop.signal);
  }

  async synced(): Promise<void> { await Promise.all(this.#informers.map((informer) => informer.synced())); }

  of(gang: string): Seen {
    const known = this.#gangs.get(gang);
    if (known !== undefined) return known;
    const seen: Seen = { pods: [] };
    this.#gangs.set(gang, seen);
    return seen;
  }

  stop(): void { this.#stop.abort(); }
}
