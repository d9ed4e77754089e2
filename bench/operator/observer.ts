/** One watcher with one clock: when objects of each gang came into being. */
import { Informer, resource, type Client, type KubeObject, type Resource } from 'kopf-ts';

export interface Seen {
  /** Milliseconds (performance.now) of the first sight of each. */
  created?: number;
  service?: number;
  job?: number;
  /** Every pod, in order. */
  readonly pods: { readonly at: number; readonly name: string }[];
}

/** What a gang makes begins with its name. */
const gangOf = (name = ''): string | undefined => /^(warm|again|lone-\d+|steady-\d+|many-\d+)(?=-|$)/.exec(name)?.[0];

export class Observer {
  readonly #gangs = new Map<string, Seen>();
  readonly #stop = new AbortController();
  readonly #informers: Informer<KubeObject>[];

  constructor(client: Client, gangs: Resource<KubeObject>) {
    const watch = (of: Resource<KubeObject>, see: (seen: Seen, name: string) => void): Informer<KubeObject> => {
      const informer = new Informer<KubeObject>(of, { namespaces: ['default'], metadataOnly: true }, { client });
      informer.store.subscribe(({ type, object: { metadata: { name = '' } } }) => {
        const gang = type === 'added' ? gangOf(name) : undefined;
        if (gang !== undefined) see(this.of(gang), name);
      });
      void informer.run(this.#stop.signal);
      return informer;
    };
    this.#informers = [
      watch(gangs, (seen) => { seen.created ??= performance.now(); }),
      watch(resource<KubeObject>('v1', 'Service', 'services'), (seen) => { seen.service ??= performance.now(); }),
      watch(resource<KubeObject>('batch/v1', 'Job', 'jobs'), (seen) => { seen.job ??= performance.now(); }),
      watch(resource<KubeObject>('v1', 'Pod', 'pods'), (seen, name) => { seen.pods.push({ at: performance.now(), name }); }),
    ];
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
