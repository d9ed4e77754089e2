/** Kopf's handlers over the level-triggered core: functions for what has become of an object, for those who think in events.
 *
 *  What has been handled is known by status.observedGeneration (the CRD needs the status subresource with that field): nothing is written into annotations.
 *  Handlers run at least once for each cause and may run again after a restart, so they must bear that. Objects without a generation (ConfigMaps, Secrets)
 *  leave no trace: after a restart they are resumed, and what changed meanwhile is not seen as an update. */
import { Attempts } from './handler-attempts.ts';
import type { Cause, CleanUpOptions, FieldCause, Handler, HandlerOptions, TimerOptions } from './handler-types.ts';
import type { Context, Controller, ReconcileResult } from '../control/controller.ts';
import { Daemons } from './daemons.ts';
import { fieldOf, sameContent, sameValue } from './fields.ts';
import type { Informer } from '../cache/informer.ts';
import { keyOf } from '../api/objects.ts';
import type { KubeObject, ObjectRef } from '../api/objects.ts';
import type { Operator } from '../process/operator.ts';
import type { Resource } from '../api/resource.ts';
import type { IndexFunction, StoreChange } from '../cache/store.ts';

type Kind = 'create' | 'update' | 'resume' | 'delete';

interface Registered<T extends KubeObject, O extends HandlerOptions<T> = HandlerOptions<T>> {
  readonly id: string;
  readonly handler: Handler<T>;
  readonly options: O;
}

/** What is remembered of an object while it is there. */
interface Memory<T extends KubeObject> {
  readonly uid: string;
  handled: T | undefined;
  /** The newest state, for handlers of a deletion without a finalizer. */
  last: T;
  changedAt: number;
  /** For which kind and generation the attempts are. */
  cause: string;
  attempts: Attempts;
  readonly timers: Map<string, { due: number; attempts: Attempts }>;
  deletedAt: number | undefined;
}

const DEFAULT_GIVE_UP = 600_000;

export class Handlers<T extends KubeObject> {
  readonly controller: Controller<T>;
  readonly informer: Informer<T>;
  readonly #operator: Operator;
  readonly #resource: Resource<T>;
  readonly #handlers: Record<Kind, Registered<T>[]> = { create: [], update: [], resume: [], delete: [] };
  readonly #fields: (Omit<Registered<T>, 'handler'> & { readonly path: string; readonly handler: (cause: FieldCause<T>) => Promise<unknown> })[] = [];
  readonly #deletes: Registered<T, CleanUpOptions<T>>[] = [];
  readonly #timers: Registered<T, TimerOptions<T>>[] = [];
  readonly #daemons: Registered<T>[] = [];
  readonly #running: Daemons;
  readonly #memory = new Map<string, Memory<T>>();

  constructor(operator: Operator, resource: Resource<T>, options: { labelSelector?: string; concurrency?: number; name?: string } = {}) {
    this.#operator = operator;
    this.#resource = resource;
    this.#running = new Daemons(operator.client.clock, operator.client.random);
    this.controller = operator.controller<T>({ ...options, resource, reconcile: (key, context) => this.#reconcile(key, context) });
    this.informer = operator.informer(resource, { labelSelector: options.labelSelector });
    operator.alongside(async (signal) => {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => { resolve(); }, { once: true });
      });
      await this.#running.stopAll();
    });
  }

  /** The object is new to us: it has no status.observedGeneration yet. */
  create(handler: Handler<T>, options: HandlerOptions<T> = {}): this {
    return this.#add('create', handler, options);
  }

  /** Its spec has changed since it was last handled. */
  update(handler: Handler<T>, options: HandlerOptions<T> = {}): this {
    return this.#add('update', handler, options);
  }

  /** The operator has started and finds it handled already. */
  resume(handler: Handler<T>, options: HandlerOptions<T> = {}): this {
    return this.#add('resume', handler, options);
  }

  /** It is being deleted (with a finalizer), or is gone (without). */
  delete(handler: Handler<T>, options: CleanUpOptions<T> = {}): this {
    this.#deletes.push({ id: options.id ?? (handler.name || `delete ${this.#deletes.length}`), handler, options });
    return this;
  }

  /** A field ("spec.chairs") has another value than when the object was last handled; at creation it was undefined. */
  field(path: string, handler: (cause: FieldCause<T>) => Promise<unknown>, options: HandlerOptions<T> = {}): this {
    this.#fields.push({ id: options.id ?? `field ${path} ${this.#fields.length}`, path, handler, options });
    return this;
  }

  /** Again and again, never twice at once, and never at once with another handler of the object. */
  timer(options: TimerOptions<T>, handler: Handler<T>): this {
    this.#timers.push({ id: options.id ?? `timer ${this.#timers.length}`, handler, options });
    return this;
  }

  /** Runs as long as the object is there; `signal` tells it to end. */
  daemon(handler: Handler<T>, options: HandlerOptions<T> = {}): this {
    this.#daemons.push({ id: options.id ?? `daemon ${this.#daemons.length}`, handler, options });
    return this;
  }

  /** Every change that the cache sees, on every replica, once and without retries: for looking on. */
  event(handler: (change: StoreChange<T>) => Promise<unknown> | void): this {
    this.informer.store.subscribe((change) => {
      void (async () => { await handler(change); })().catch((error: unknown) => { this.#operator.log.error('An event handler failed', { error, key: keyOf(change.object) }); });
    });
    return this;
  }

  /** An index over the cache, for `informer.store.by(name, value)`. */
  index(name: string, values: IndexFunction<T>): this {
    this.informer.store.addIndex(name, values);
    return this;
  }

  /** Objects that are remembered: for tests of memory. */
  get remembered(): number {
    return this.#memory.size + this.#running.size;
  }

  #add(kind: Kind, handler: Handler<T>, options: HandlerOptions<T>): this {
    const list = this.#handlers[kind];
    list.push({ id: options.id ?? (handler.name || `${kind} ${list.length}`), handler, options });
    return this;
  }

  async #reconcile(key: string, context: Context<T>): Promise<ReconcileResult> {
    const { object } = context;
    // One that has taken the name of another comes after the other's end.
    const known = this.#memory.get(key);
    if (known !== undefined && known.uid !== object?.metadata.uid) await this.#gone(key, known, context);
    if (object === undefined) return undefined;
    const memory = this.#remember(key, object, context);
    if (object.metadata.deletionTimestamp !== undefined) {
      await this.#finalize(object, memory, context);
      return undefined;
    }
    await this.#demandFinalizers(object, context);
    this.#startDaemons(object, context);
    await this.#handle(object, memory, context);
    return this.#runTimers(object, memory, context);
  }

  #remember(key: string, object: T, { clock }: Context<T>): Memory<T> {
    let memory = this.#memory.get(key);
    if (memory === undefined) {
      memory = { uid: object.metadata.uid as string, handled: undefined, last: object, changedAt: clock.monotonic(), cause: '', attempts: new Attempts(), timers: new Map(), deletedAt: undefined };
      this.#memory.set(key, memory);
    }
    if (!sameContent(memory.last, object)) memory.changedAt = clock.monotonic();
    memory.last = object;
    return memory;
  }

  /** Which handlers are due for what has become of the object. */
  #kind(object: T, { handled }: Memory<T>): Kind | undefined {
    const { generation } = object.metadata;
    const observed = (object as { status?: { observedGeneration?: number } }).status?.observedGeneration;
    if (generation === undefined) return handled === undefined ? 'resume' : sameContent(handled, object) ? undefined : 'update';
    if (handled?.metadata.generation === generation) return undefined;
    if (observed === undefined && handled === undefined) return 'create';
    return observed === generation && handled === undefined ? 'resume' : 'update';
  }

  async #handle(object: T, memory: Memory<T>, context: Context<T>): Promise<void> {
    const kind = this.#kind(object, memory);
    if (kind === undefined) return;
    const cause = `${kind} ${object.metadata.generation ?? object.metadata.resourceVersion}`;
    if (memory.cause !== cause) {
      memory.cause = cause;
      memory.attempts = new Attempts();
    }
    const { handled } = memory;
    const ofKind = this.#handlers[kind].map((registered) => ({ ...registered, run: (retry: number) => registered.handler(this.#cause(object, handled, retry, context)) }));
    const ofFields = kind === 'resume' ? [] : this.#fields.filter(({ path }) => !sameValue(fieldOf(handled, path), fieldOf(object, path)))
      .map((registered) => ({
        ...registered,
        run: (retry: number) => registered.handler({ ...this.#cause(object, handled, retry, context), was: fieldOf(handled, registered.path), is: fieldOf(object, registered.path) }),
      }));
    await memory.attempts.run([...ofKind, ...ofFields].filter(({ options }) => options.when?.(object) ?? true), this.#attemptContext(object, context));
    memory.handled = object;
    const { generation } = object.metadata;
    const leavesTrace = this.#handlers.create.length + this.#handlers.update.length + this.#fields.length > 0;
    if (kind !== 'resume' && generation !== undefined && leavesTrace) {
      // A manager of its own, so that handlers that apply status do not remove it.
      await context.write.applyStatus(this.#resource, object, { observedGeneration: generation }, { fieldManager: `${this.#operator.client.fieldManager}-handlers` });
    }
  }

  async #runTimers(object: T, memory: Memory<T>, context: Context<T>): Promise<ReconcileResult> {
    const now = (): number => context.clock.monotonic();
    let next = Infinity;
    for (const { id, handler, options } of this.#timers) {
      if (options.when !== undefined && !options.when(object)) continue;
      const timer = memory.timers.get(id) ?? { due: now() + (options.initialDelay ?? 0), attempts: new Attempts() };
      memory.timers.set(id, timer);
      const idleAt = options.idle === undefined ? 0 : memory.changedAt + options.idle;
      if (Math.max(timer.due, idleAt) <= now()) {
        try {
          await timer.attempts.run([{ id, options, run: (retry) => handler(this.#cause(object, memory.handled, retry, context)) }], this.#attemptContext(object, context));
          timer.attempts = new Attempts();
          timer.due = now() + options.every;
        } catch (error) {
          // Other timers go on; this one comes again when its next try is due.
          if (!(error instanceof Error) || error.name !== 'TemporaryError') throw error;
          context.log.warn('A timer failed', { handler: id, error });
          timer.due = now() + ((error as { delay?: number }).delay ?? options.every);
        }
      }
      next = Math.min(next, Math.max(timer.due, options.idle === undefined ? 0 : memory.changedAt + options.idle));
    }
    return next === Infinity ? undefined : { requeueAfter: Math.max(1, next - now()) };
  }

  #startDaemons(object: T, context: Context<T>): void {
    const uid = object.metadata.uid as string;
    const daemons = this.#daemons.filter(({ options }) => options.when?.(object) ?? true);
    if (daemons.length === 0 || this.#running.has(uid)) return;
    this.#running.start(uid, daemons.map(({ handler }) => (signal) => {
      const now = this.informer.store.get(keyOf(object)) ?? object;
      return handler({ ...this.#cause(now, undefined, 0, context), signal });
    }), context.log);
  }

  async #demandFinalizers(object: T, { write }: Context<T>): Promise<void> {
    const have = object.metadata.finalizers ?? [];
    const missing = this.#finalizers(object).filter((finalizer) => !have.includes(finalizer));
    if (missing.length > 0) await write.merge(this.#resource, refOfObject(object), { metadata: { finalizers: [...have, ...missing], resourceVersion: object.metadata.resourceVersion } });
  }

  #finalizers(object: T): string[] {
    return this.#deletes.filter(({ options }) => options.when?.(object) ?? true).flatMap(({ options }) => options.finalizer ?? []);
  }

  /** It waits for our finalizers. */
  async #finalize(object: T, memory: Memory<T>, context: Context<T>): Promise<void> {
    const have = object.metadata.finalizers ?? [];
    const ours = this.#deletes.filter(({ options }) => options.finalizer !== undefined && have.includes(options.finalizer));
    await this.#running.stop(object.metadata.uid as string);
    if (ours.length === 0) return;
    const since = context.clock.now() - Date.parse(object.metadata.deletionTimestamp as string);
    try {
      await this.#cleanUp(object, memory, ours, context);
    } catch (error) {
      const patience = Math.max(...ours.map(({ options }) => options.giveUpAfter ?? DEFAULT_GIVE_UP));
      if (since < patience) throw error;
      this.#operator.events.record(object, { type: 'Warning', reason: 'CleanupGaveUp', action: 'Delete', note: `Let go after ${Math.round(since / 1000)} s without being cleaned up: ${(error as Error).message}` });
    }
    const left = have.filter((finalizer) => !ours.some(({ options }) => options.finalizer === finalizer));
    await context.write.merge(this.#resource, refOfObject(object), { metadata: { finalizers: left, resourceVersion: object.metadata.resourceVersion } });
  }

  /** It is gone from the cache. */
  async #gone(key: string, memory: Memory<T>, context: Context<T>): Promise<void> {
    await this.#running.stop(memory.uid);
    memory.deletedAt ??= context.clock.monotonic();
    const rest = this.#deletes.filter(({ options }) => options.finalizer === undefined);
    try {
      await this.#cleanUp(memory.last, memory, rest, context);
    } catch (error) {
      const patience = Math.max(...rest.map(({ options }) => options.giveUpAfter ?? DEFAULT_GIVE_UP));
      if (context.clock.monotonic() - memory.deletedAt < patience) throw error;
      context.log.error('Gave up cleaning up', { error });
    }
    this.#memory.delete(key);
  }

  async #cleanUp(object: T, memory: Memory<T>, deletes: readonly Registered<T, CleanUpOptions<T>>[], context: Context<T>): Promise<void> {
    if (!memory.cause.startsWith('delete')) {
      memory.cause = 'delete';
      memory.attempts = new Attempts();
    }
    await memory.attempts.run(deletes.filter(({ options }) => options.when?.(object) ?? true)
      .map(({ id, options, handler }) => ({ id, options, run: (retry) => handler(this.#cause(object, memory.handled, retry, context)) })), this.#attemptContext(object, context));
  }

  #cause(object: T, before: T | undefined, retry: number, { failures: _, ...context }: Context<T>): Cause<T> {
    return { ...context, object: structuredClone(object), before, retry };
  }

  #attemptContext(object: T, { clock, client, log }: Context<T>) {
    return {
      now: () => clock.monotonic(), random: client.random, log,
      gaveUp: (id: string, error: Error) => { this.#operator.events.record(object, { type: 'Warning', reason: 'HandlerFailed', action: 'Handle', note: `Handler "${id}" failed for good: ${error.message}` }); },
    };
  }
}

/** Handlers for the objects of a resource: `handlers(operator, rooms).create(...)`. Call it before operator.run(). */
export function handlers<T extends KubeObject>(operator: Operator, resource: Resource<T>, options: { labelSelector?: string; concurrency?: number; name?: string } = {}): Handlers<T> {
  return new Handlers(operator, resource, options);
}

const refOfObject = ({ metadata: { name = '', namespace } }: KubeObject): ObjectRef => ({ name, namespace });
