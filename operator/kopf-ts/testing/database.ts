/** What a fake API server remembers: objects, one resourceVersion for all, and the history that watches read. */
import type { AnyObject } from '../api/objects.ts';
import { keyOf } from '../api/objects.ts';
import type { ResourceName } from '../api/resource.ts';
import { nameOf } from '../api/resource.ts';
import type { Owners } from './apply.ts';

export interface Change {
  readonly version: number;
  readonly resource: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: AnyObject;
  readonly previous: AnyObject | undefined;
}

export interface Stored {
  readonly object: AnyObject;
  /** Who applied which fields. */
  readonly owners: Owners;
}

export class Database {
  readonly #resources = new Map<string, Map<string, Stored>>();
  #history: Change[] = [];
  #version = 1000;
  /** Changes up to this version are forgotten. */
  #compacted = 1000;
  /** Of all objects there are. */
  readonly uids = new Set<string>();
  readonly #listeners = new Set<(change: Change) => void>();

  get version(): number {
    return this.#version;
  }

  get(resource: ResourceName, key: string): Stored | undefined {
    return this.#resources.get(nameOf(resource))?.get(key);
  }

  /** Of one resource, sorted by key as etcd sorts. */
  list(resource: ResourceName): AnyObject[] {
    const collection = this.#resources.get(nameOf(resource)) ?? new Map<string, Stored>();
    return [...collection].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { object }]) => object);
  }

  /** Stores a copy with the next resourceVersion. */
  put(resource: ResourceName, object: AnyObject, owners: Owners): AnyObject {
    const name = nameOf(resource);
    const collection = this.#resources.get(name) ?? new Map<string, Stored>();
    this.#resources.set(name, collection);
    const previous = collection.get(keyOf(object))?.object;
    const stored = this.#versioned(object);
    collection.set(keyOf(object), { object: stored, owners });
    this.uids.add(stored.metadata.uid ?? '');
    this.#record({ version: this.#version, resource: name, type: previous === undefined ? 'ADDED' : 'MODIFIED', object: stored, previous });
    return stored;
  }

  /** Removes for good. Returns the last state, with the version of its removal. */
  remove(resource: ResourceName, key: string): AnyObject | undefined {
    const name = nameOf(resource);
    const previous = this.get(resource, key)?.object;
    if (previous === undefined) return undefined;
    this.#resources.get(name)?.delete(key);
    this.uids.delete(previous.metadata.uid ?? '');
    const object = this.#versioned(previous);
    this.#record({ version: this.#version, resource: name, type: 'DELETED', object, previous });
    return object;
  }

  /** The changes after a version, or undefined if some of them are forgotten. */
  since(version: number): readonly Change[] | undefined {
    return version < this.#compacted ? undefined : this.#history.filter((change) => change.version > version);
  }

  /** Forgets the history, as etcd does every five minutes. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#version;
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  #versioned(object: AnyObject): AnyObject {
    this.#version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
  }

  #record(change: Change): void {
    this.#history.push(change);
    if (this.#history.length > 20_000) {
      this.#history = this.#history.slice(10_000);
      this.#compacted = (this.#history[0] as Change).version - 1;
    }
    for (const listener of this.#listeners) listener(change);
  }
}
