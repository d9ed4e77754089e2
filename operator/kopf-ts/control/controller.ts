/** One kind of object and the function that makes the world as the object says: called with the key of whatever may need it, never with what happened. */
import type { Client } from '../api/client.ts';
import type { Clock, Random } from '../clock.ts';
import { NotLeaderError } from '../api/errors.ts';
import { Expectations } from './expectations.ts';
import { PermanentError, TemporaryError } from './handler-errors.ts';
import type { Informer, InformerView } from '../cache/informer.ts';
import type { Logger } from '../observe/log.ts';
import { controllerOf, keyOf } from '../api/objects.ts';
import type { KubeObject } from '../api/objects.ts';
import { WorkQueue, priority } from './queue.ts';
import type { QueueObserver } from './queue.ts';
import type { StoreChange } from '../cache/store.ts';
import { inSpan } from '../observe/tracing.ts';
import { Writer } from './writer.ts';
import type { Caches } from './writer.ts';

/** What reconcile works with. */
export interface Context<T extends KubeObject> {
  /** From the cache: the object now, or undefined when it is gone. Shared: copy it before changing anything. */
  readonly object: T | undefined;
  /** Writes that the next reconciliation of this key is sure to see. */
  readonly write: Writer;
  /** Reads past the cache, and writes that nobody waits for. */
  readonly client: Client;
  readonly log: Logger;
  /** Aborted when the operator stops. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** How often in a row this key has failed. */
  readonly failures: number;
}

/** Nothing, or after how many milliseconds to look again. */
export type ReconcileResult = { readonly requeueAfter?: number } | undefined | void;

/** Makes the world as the object says, and can be called twice without harm. */
export type Reconcile<T extends KubeObject> = (key: string, context: Context<T>) => Promise<ReconcileResult>;

export type ReconcileOutcome = 'success' | 'error' | 'requeue_after';

export interface ControllerObserver {
  readonly queue?: QueueObserver;
  working?(change: 1 | -1): void;
  reconciled?(outcome: ReconcileOutcome, milliseconds: number): void;
}

export interface ControllerOptions<T extends KubeObject> {
  readonly name: string;
  readonly informer: Informer<T>;
  readonly reconcile: Reconcile<T>;
  /** Keys at a time. Default 8. */
  readonly concurrency?: number;
  /** Which changes of the object itself wake it. Default all. */
  readonly wakes?: (change: StoreChange<T>) => boolean;
  /** Whether an object needs none of the other caches: it is reconciled as soon as the one of its own kind is filled, as far as the others may
   *  then be. Default: no object. */
  readonly early?: (object: T) => boolean;
  /** Milliseconds after which every key is looked at again, in case the world changed unseen. Default 10 hours. */
  readonly resync?: number;
  /** Told of every failed reconciliation. */
  readonly failed?: (key: string, object: T | undefined, error: unknown) => void;
}

export interface ControllerContext {
  readonly client: Client;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly observe?: ControllerObserver;
}

export class Controller<T extends KubeObject> {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions<T>;
  readonly #context: ControllerContext;
  readonly #expectations: Expectations;
  readonly #log: Logger;
  readonly #sources: InformerView[] = [];
  /** Keys that were due before all caches were filled. */
  readonly #waiting = new Set<string>();

  constructor(options: ControllerOptions<T>, context: ControllerContext) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    this.#log = context.log.with({ controller: options.name });
    const { clock, random, observe } = context;
    this.queue = new WorkQueue({ clock, random, ...(observe?.queue === undefined ? {} : { observe: observe.queue }) });
    this.#expectations = new Expectations(clock, (key) => { this.queue.add(key); });
    const { informer, wakes = () => true } = options;
    this.#sources.push(informer);
    informer.store.subscribe((change) => {
      if (wakes(change)) this.queue.add(keyOf(change.object), change.type === 'added' && isNews(change.object) ? priority.normal : urgency(change));
    });
  }

  /** Changes of objects that this kind controls (owner reference with `controller: true`) wake their owner. */
  owns<C extends KubeObject>(children: Informer<C>): this {
    const { group, kind } = this.#options.informer.resource;
    return this.watches(children, (child) => {
      const owner = controllerOf(child);
      if (owner === undefined || owner.kind !== kind || groupOf(owner.apiVersion) !== group) return [];
      return [keyOf({ metadata: this.#options.informer.resource.namespaced && child.metadata.namespace !== undefined ? { name: owner.name, namespace: child.metadata.namespace } : { name: owner.name } })];
    });
  }

  /** Changes of other objects wake the keys that `map` names for them, before and after the change. */
  watches<C extends KubeObject>(others: Informer<C>, map: (object: C) => readonly string[]): this {
    this.#sources.push(others);
    others.store.subscribe((change) => {
      for (const key of map(change.object)) this.queue.add(key, urgency(change));
      if (change.type === 'updated') for (const key of map(change.before)) this.queue.add(key);
    });
    return this;
  }

  /** Everything that is remembered by key: for tests of memory. */
  get remembered(): number {
    return this.queue.remembered + this.#expectations.remembered + this.#waiting.size;
  }

  get hasSynced(): boolean {
    return this.#sources.every((informer) => informer.hasSynced);
  }

  /** Reconciles until `stop` is aborted; resolves when the last worker is done, which `abort` hurries (context.signal). */
  async run(stop: AbortSignal, abort: AbortSignal): Promise<void> {
    const { concurrency = 8, resync = 36_000_000, informer, early } = this.#options;
    const { clock } = this.#context;
    const closed = (): void => { this.queue.close(); };
    if (stop.aborted) closed();
    stop.addEventListener('abort', closed, { once: true });
    const ready = (source: InformerView): Promise<void> => Promise.race([source.synced(), abortion(stop)]);
    const filled = Promise.all(this.#sources.map(ready));
    await (early === undefined ? filled : ready(informer));
    void filled.then(() => {
      for (const key of this.#waiting) this.queue.add(key, priority.low);
      this.#waiting.clear();
    });
    const again = (): (() => void) => clock.after(resync * (1 + 0.1 * this.#context.random()), () => {
      for (const key of informer.store.keys()) this.queue.add(key, priority.low);
      cancel = again();
    });
    let cancel = again();
    await Promise.all(Array.from({ length: concurrency }, () => this.#work(abort)));
    cancel();
  }

  async #work(abort: AbortSignal): Promise<void> {
    for (let key = await this.queue.take(); key !== undefined; key = await this.queue.take()) {
      if (!this.hasSynced && !this.#isEarly(key)) this.#waiting.add(key);
      // Woken again as soon as the cache shows what we wrote.
      else if (!this.#expectations.pending(key)) await this.#reconcile(key, abort);
      this.queue.done(key);
    }
  }

  #isEarly(key: string): boolean {
    const object = this.#options.informer.store.get(key);
    return object !== undefined && this.#options.early?.(object) === true;
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { reconcile, informer, failed } = this.#options;
    const { client, caches, clock, observe } = this.#context;
    const log = this.#log.with({ key });
    const object = informer.store.get(key);
    const started = clock.monotonic();
    let outcome: ReconcileOutcome = 'success';
    observe?.working?.(1);
    try {
      const write = new Writer(key, { client, caches, expectations: this.#expectations, signal });
      const context = { object, write, client, log, signal, clock, failures: this.queue.failures(key) };
      const result = await inSpan(`reconcile ${this.name}`, { attributes: { 'k8s.object.key': key } }, () => reconcile(key, context));
      this.queue.forget(key);
      if (typeof result === 'object' && result.requeueAfter !== undefined) {
        outcome = 'requeue_after';
        this.queue.addAfter(key, result.requeueAfter);
      }
    } catch (error) {
      outcome = 'error';
      this.#again(key, error, signal, log);
      if (!signal.aborted && !(error instanceof NotLeaderError)) failed?.(key, object, error);
    } finally {
      observe?.working?.(-1);
      observe?.reconciled?.(outcome, clock.monotonic() - started);
    }
  }

  /** When a failed key is tried again. */
  #again(key: string, error: unknown, signal: AbortSignal, log: Logger): void {
    if (signal.aborted) {
      log.info('Stopped in the middle: whoever leads next goes on', { error });
    } else if (error instanceof NotLeaderError) {
      // A renewal that comes late, but before another one leads, keeps us leading; else this process ends.
      log.info('Stopped in the middle: whoever leads then goes on', { error, again: Math.round(this.queue.addFailed(key)) / 1000 });
    } else if (error instanceof PermanentError) {
      this.queue.forget(key);
      log.error('Failed for good: waiting for a change', { error });
    } else if (error instanceof TemporaryError && error.delay !== undefined) {
      this.queue.addAfter(key, error.delay);
      log.info('Failed for now', { error, again: error.delay / 1000 });
    } else {
      const failures = this.queue.failures(key) + 1;
      const delay = this.queue.addFailed(key);
      log.warn('Failed', { error, failures, again: Math.round(delay) / 1000 });
    }
  }
}

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

/** What was there before us can wait; what is going should not. */
function urgency(change: StoreChange<KubeObject>): number {
  if (change.type === 'deleted' || change.object.metadata.deletionTimestamp !== undefined) return priority.high;
  return change.type === 'added' && change.initial ? priority.low : priority.normal;
}

/** Not seen yet by whoever led before us, as status.observedGeneration tells by convention: goes before what only might have changed. */
function isNews(object: KubeObject): boolean {
  const { status, metadata: { generation } } = object as KubeObject & { readonly status?: { readonly observedGeneration?: unknown } };
  return status?.observedGeneration !== generation;
}

const abortion = (signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => { resolve(); }, { once: true });
});
