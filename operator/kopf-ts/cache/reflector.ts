/** Keeps a store like the server, whatever happens in between: list in pages, watch from there, and again after every error. */
import { Backoff } from '../backoff.ts';
import type { Client, Selection } from '../api/client.ts';
import { sleep } from '../clock.ts';
import { isExpired } from '../api/errors.ts';
import type { Logger } from '../observe/log.ts';
import { nullLogger } from '../observe/log.ts';
import type { KubeObject } from '../api/objects.ts';
import { keyOf, refOf } from '../api/objects.ts';
import { nameOf } from '../api/resource.ts';
import type { Resource } from '../api/resource.ts';
import type { Store } from './store.ts';
import type { WatchEvent } from '../api/watch.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly store: Store<T>;
  readonly selection?: Selection;
  /** What is kept of an object; undefined: nothing, it is not of interest. Must not change key, uid or resourceVersion. managedFields are gone before. */
  readonly transform?: (object: T) => T | undefined;
  readonly log?: Logger;
  /** Told of each list and each watch that begins, and of each error. */
  readonly observe?: (what: 'list' | 'watch' | 'error') => void;
  /** Objects a page: parsing one page must not block the event loop for long. Default 250, and 500 where only some fields are wanted. */
  readonly pageSize?: number;
}

/** Like client-go's reflector: 0.8 s to 30 s. */
const BACKOFF = { base: 800, max: 30_000 };
/** Seconds after which the server ends a watch; random, so that not all watches end together. */
const WATCH_SECONDS = { least: 240, most: 480 };
/** The server sends a bookmark about every minute, so silence longer than this is a dead connection. */
const INACTIVITY = 90_000;
/** A watch that lasted this long was a good one: errors before it are forgotten. */
const GOOD_WATCH = 10_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #log: Logger;
  #resourceVersion: string | undefined;
  #listed = false;
  #aliveAt: number;
  #waiters: (() => void)[] = [];

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff(BACKOFF, options.client.random);
    this.#log = (options.log ?? nullLogger).with({ resource: nameOf(options.resource) });
    this.#aliveAt = options.client.clock.monotonic();
  }

  /** Whether a whole list has been seen once. */
  get hasSynced(): boolean {
    return this.#listed;
  }

  /** Resolves with the first whole list. */
  synced(): Promise<void> {
    return this.#listed ? Promise.resolve() : new Promise((resolve) => { this.#waiters.push(resolve); });
  }

  /** Milliseconds since the server was last heard of. More than a few minutes: the store is a picture of the past. */
  get silence(): number {
    return this.#options.client.clock.monotonic() - this.#aliveAt;
  }

  /** Lists and watches until the signal is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.observe?.('error');
        if (isExpired(error)) {
          this.#resourceVersion = undefined;
          this.#log.debug('The server has forgotten our version: listing again');
        } else {
          this.#log.warn('The watch broke', { error });
        }
        // After 410 as well: when the server forgets faster than we list, hurry makes it worse.
        await sleep(this.#options.client.clock, this.#backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, selection = {}, store, observe } = this.#options;
    const { pageSize = selection.metadataOnly === true || selection.fields !== undefined ? 500 : 250 } = this.#options;
    observe?.('list');
    const keys = new Set<string>();
    let version = '';
    for await (const page of client.list(resource, { ...selection, limit: pageSize, ahead: true, signal })) {
      this.#alive();
      version = page.resourceVersion;
      for (const item of page.items) {
        if (this.#put(item)) keys.add(keyOf(item));
      }
    }
    store.keepOnly(keys, (key) => selection.namespace === undefined || refOf(key).namespace === selection.namespace);
    this.#resourceVersion = version;
    this.#listed = true;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, selection = {}, observe } = this.#options;
    const { least, most } = WATCH_SECONDS;
    observe?.('watch');
    const started = client.clock.monotonic();
    const chunks = client.watchChunks(resource, {
      ...selection, resourceVersion: this.#resourceVersion as string, signal, inactivity: INACTIVITY,
      timeoutSeconds: Math.floor(least + client.random() * (most - least)),
    });
    try {
      for await (const events of chunks) {
        this.#alive();
        for (const event of events) this.#take(event);
      }
    } finally {
      if (client.clock.monotonic() - started >= GOOD_WATCH) this.#backoff.reset();
    }
    // A server (or something between) that ends watches at once must not be asked in a circle.
    if (client.clock.monotonic() - started < 1000) await sleep(client.clock, this.#backoff.next(), signal);
  }

  #take(event: WatchEvent<T>): void {
    const { store } = this.#options;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        if (!this.#put(event.object)) store.remove(keyOf(event.object));
        break;
      case 'DELETED':
        store.remove(keyOf(event.object), this.#kept(event.object));
        break;
      case 'BOOKMARK':
        break;
      default:
        return event satisfies never;
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
  }

  #put(object: T): boolean {
    const kept = this.#kept(object);
    if (kept !== undefined) this.#options.store.put(kept);
    return kept !== undefined;
  }

  #kept(object: T): T | undefined {
    // Half of a pod's bytes, of no use to us.
    delete object.metadata.managedFields;
    return this.#options.transform === undefined ? object : this.#options.transform(object);
  }

  #alive(): void {
    this.#aliveAt = this.#options.client.clock.monotonic();
  }
}
