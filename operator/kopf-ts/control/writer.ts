/** Writes for one key of a controller. What it writes into a cached resource is awaited in the cache before the key is reconciled again. */
import type { ApplyOptions, CallOptions, Client, DeleteOptions } from '../api/client.ts';
import type { Expectations } from './expectations.ts';
import type { InformerView } from '../cache/informer.ts';
import type { KubeObject, ObjectRef } from '../api/objects.ts';
import { keyOf } from '../api/objects.ts';
import type { Resource, ResourceName } from '../api/resource.ts';

/** The cache of a resource, if the operator keeps one. */
export type Caches = (resource: ResourceName) => InformerView | undefined;

export class Writer {
  readonly #key: string;
  readonly #client: Client;
  readonly #caches: Caches;
  readonly #expectations: Expectations;
  readonly #signal: AbortSignal;

  constructor(key: string, { client, caches, expectations, signal }: { client: Client; caches: Caches; expectations: Expectations; signal: AbortSignal }) {
    this.#key = key;
    this.#client = client;
    this.#caches = caches;
    this.#expectations = expectations;
    this.#signal = signal;
  }

  /** Server-side apply: see Client.apply. */
  apply<T extends KubeObject, M extends KubeObject>(resource: Resource<T>, manifest: M, options: ApplyOptions = {}): Promise<T> {
    return this.#write(resource, manifest, () => this.#client.apply(resource, manifest, { signal: this.#signal, ...options }), options.dryRun !== true);
  }

  /** The status of an object, by server-side apply. With `resourceVersion` it fails (isConflict) when the object has changed since. */
  applyStatus<T extends KubeObject>(resource: Resource<T>, object: KubeObject, status: object, options: ApplyOptions & { resourceVersion?: string } = {}): Promise<T> {
    const { name, namespace } = object.metadata;
    const { resourceVersion, ...rest } = options;
    const metadata = { ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    return this.apply(resource, { metadata, status }, { ...rest, subresource: 'status' });
  }

  create<T extends KubeObject, M extends KubeObject>(resource: Resource<T>, manifest: M, options: CallOptions = {}): Promise<T> {
    return this.#write(resource, manifest, () => this.#client.create(resource, manifest, { signal: this.#signal, ...options }), manifest.metadata.name !== undefined);
  }

  merge<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, patch: object, options: CallOptions & { subresource?: string } = {}): Promise<T> {
    const { name, namespace } = ref;
    return this.#write(resource, { metadata: { name, ...(namespace === undefined ? {} : { namespace }) } }, () => this.#client.merge(resource, ref, patch, { signal: this.#signal, ...options }), true);
  }

  /** Deletes this very object (by its uid). False when it was gone already. */
  async delete(resource: ResourceName, object: KubeObject, options: DeleteOptions = {}): Promise<boolean> {
    const { name = '', namespace, uid } = object.metadata;
    const deleted = await this.#client.delete(resource, { name, namespace }, { signal: this.#signal, ...(uid === undefined ? {} : { uid }), ...options });
    const cache = this.#caches(resource);
    if (uid !== undefined && cache !== undefined) this.#expectations.expectDeletion(this.#key, cache.store, keyOf(object), uid);
    return deleted;
  }

  #write<T extends KubeObject>(resource: Resource<T>, manifest: KubeObject, send: () => Promise<T>, expected: boolean): Promise<T> {
    const cache = expected ? this.#caches(resource) : undefined;
    if (cache === undefined) return send();
    return this.#expectations.write(this.#key, cache.store, keyOf(manifest), send, (answer) => cache.shows(answer));
  }
}
