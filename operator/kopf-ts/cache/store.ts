/** What is known of the objects of a resource, by key and by indices, and who wants to hear of changes. */
import type { KubeObject } from '../api/objects.ts';
import { keyOf } from '../api/objects.ts';

/** The values under which an object is found. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Deletions come with the last state that was known. An object that has taken the name of another (a new uid) is a deletion and an addition. */
export type StoreChange<T> =
  | { readonly type: 'added'; readonly object: T; /** Part of the first list. */ readonly initial: boolean }
  | { readonly type: 'updated'; readonly object: T; readonly before: T }
  | { readonly type: 'deleted'; readonly object: T };

/** A store whose type does not matter. */
export interface StoreView {
  get(key: string): KubeObject | undefined;
  keys(): IterableIterator<string>;
  subscribe(listener: (change: StoreChange<KubeObject>) => void): () => void;
}

/** The index that every store has: children by the uid of each owner. */
const OWNER = 'owner';

/** Objects in a store are shared: never change one, copy it. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indices = new Map<string, Index<T>>();
  readonly #listeners = new Set<(change: StoreChange<T>) => void>();
  #filled = false;

  constructor() {
    this.addIndex(OWNER, (object) => (object.metadata.ownerReferences ?? []).map(({ uid }) => uid));
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** An index over what is there and what will come. Throws when the name is taken. */
  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#indices.has(name)) throw new Error(`Cannot add index "${name}": there is one of this name. Choose another`);
    const index = new Index(values);
    for (const [key, object] of this.#objects) index.put(key, undefined, object);
    this.#indices.set(name, index);
  }

  /** Objects under a value of an index. Throws for an index that was never added. */
  by(name: string, value: string): T[] {
    const index = this.#indices.get(name);
    if (index === undefined) throw new Error(`Cannot look into index "${name}": there are only ${[...this.#indices.keys()].map((known) => `"${known}"`).join(', ')}. Call addIndex first`);
    return [...index.get(value)].map((key) => this.#objects.get(key) as T);
  }

  /** The children of an owner. */
  ownedBy(uid: string): T[] {
    return this.by(OWNER, uid);
  }

  /** How many values an index knows: for tests of memory. */
  indexSize(name: string): number {
    return this.#indices.get(name)?.size ?? 0;
  }

  subscribe(listener: (change: StoreChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  put(object: T): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined && before.metadata.uid !== object.metadata.uid) {
      this.remove(key);
      this.put(object);
      return;
    }
    // The same version again, from a new list: nothing happened.
    if (before !== undefined && before.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#objects.set(key, object);
    for (const index of this.#indices.values()) index.put(key, before, object);
    this.#tell(before === undefined ? { type: 'added', object, initial: !this.#filled } : { type: 'updated', object, before });
  }

  /** `last`: the state at its deletion, if known better than by the store. */
  remove(key: string, last?: T): void {
    const before = this.#objects.get(key);
    if (before === undefined) return;
    this.#objects.delete(key);
    for (const index of this.#indices.values()) index.put(key, before, undefined);
    this.#tell({ type: 'deleted', object: last !== undefined && last.metadata.uid === before.metadata.uid ? last : before });
  }

  /** A whole list (of the keys that are `listed`) has been put: what is not in it has been deleted while nobody looked. */
  keepOnly(keys: ReadonlySet<string>, listed: (key: string) => boolean = () => true): void {
    for (const key of [...this.#objects.keys()]) if (!keys.has(key) && listed(key)) this.remove(key);
    this.#filled = true;
  }

  #tell(change: StoreChange<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Keys by value. */
class Index<T> {
  readonly #values: IndexFunction<T>;
  readonly #keys = new Map<string, Set<string>>();

  constructor(values: IndexFunction<T>) {
    this.#values = values;
  }

  get size(): number {
    return this.#keys.size;
  }

  get(value: string): ReadonlySet<string> {
    return this.#keys.get(value) ?? new Set();
  }

  put(key: string, before: T | undefined, after: T | undefined): void {
    for (const value of before === undefined ? [] : this.#values(before)) {
      const keys = this.#keys.get(value);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(value);
    }
    for (const value of after === undefined ? [] : this.#values(after)) {
      const keys = this.#keys.get(value);
      if (keys === undefined) this.#keys.set(value, new Set([key]));
      else keys.add(key);
    }
  }
}
