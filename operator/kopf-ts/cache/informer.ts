/** A store and the reflectors that fill it: one for all namespaces, or one for each that we may look into. */
import type { Client } from '../api/client.ts';
import type { Logger } from '../observe/log.ts';
import type { KubeObject } from '../api/objects.ts';
import { Reflector } from './reflector.ts';
import type { Resource, ResourceName } from '../api/resource.ts';
import { labelPredicate } from '../api/selectors.ts';
import { Store } from './store.ts';
import type { StoreView } from './store.ts';
import type { Message } from '../wire/message.ts';

export interface InformerOptions<T extends KubeObject> {
  /** undefined: all. */
  readonly namespaces?: readonly string[] | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Asks the server for apiVersion, kind and metadata alone. */
  readonly metadataOnly?: boolean | undefined;
  /** Asks the server for these fields and metadata alone, as Protocol Buffers: see Selection.fields. */
  readonly fields?: Message | undefined;
  /** What is kept of an object; undefined: nothing of it. */
  readonly transform?: ((object: T) => T | undefined) | undefined;
}

export interface InformerContext {
  readonly client: Client;
  readonly log?: Logger;
  readonly observe?: (resource: ResourceName, what: 'list' | 'watch' | 'error') => void;
}

/** An informer whose type does not matter. */
export interface InformerView {
  readonly resource: ResourceName;
  readonly store: StoreView;
  readonly hasSynced: boolean;
  readonly silence: number;
  synced(): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
  shows(object: KubeObject): boolean;
}

export class Informer<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly store = new Store<T>();
  readonly options: InformerOptions<T>;
  readonly #reflectors: readonly Reflector<T>[];
  readonly #matches: (object: KubeObject) => boolean;

  constructor(resource: Resource<T>, options: InformerOptions<T>, { client, log, observe }: InformerContext) {
    this.resource = resource;
    this.options = options;
    const { labelSelector, fieldSelector, metadataOnly, fields, transform } = options;
    this.#matches = labelPredicate(labelSelector ?? '');
    const namespaces = resource.namespaced ? options.namespaces ?? [undefined] : [undefined];
    this.#reflectors = namespaces.map((namespace) => new Reflector<T>({
      client, resource, store: this.store, selection: { namespace, labelSelector, fieldSelector, metadataOnly, fields }, ...(transform === undefined ? {} : { transform }),
      ...(log === undefined ? {} : { log }), ...(observe === undefined ? {} : { observe: (what) => { observe(resource, what); } }),
    }));
  }

  /** Fills the store until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }

  get hasSynced(): boolean {
    return this.#reflectors.every((reflector) => reflector.hasSynced);
  }

  async synced(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.synced()));
  }

  /** Milliseconds since the server was last heard of. */
  get silence(): number {
    return Math.max(...this.#reflectors.map((reflector) => reflector.silence));
  }

  /** Whether the store must show this object sooner or later. */
  shows(object: KubeObject): boolean {
    const { namespaces, fieldSelector, transform } = this.options;
    if (fieldSelector !== undefined || (transform !== undefined && transform(object as T) === undefined)) return false;
    return this.#matches(object) && (namespaces === undefined || !this.resource.namespaced || namespaces.includes(object.metadata.namespace ?? ''));
  }
}
