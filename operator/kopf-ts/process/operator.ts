/** A process that runs controllers: caches, leader election, probes, and an orderly end. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Client } from '../api/client.ts';
import type { ClientOptions } from '../api/client.ts';
import { sleep } from '../clock.ts';
import { connect } from '../api/connection.ts';
import type { ConnectOptions } from '../api/connection.ts';
import { Controller } from '../control/controller.ts';
import type { ControllerOptions } from '../control/controller.ts';
import { NotLeaderError } from '../api/errors.ts';
import { EventRecorder } from './events.ts';
import { PermanentError, TemporaryError } from '../control/handler-errors.ts';
import { serveProbes } from './http.ts';
import { inClusterNamespace } from '../api/in-cluster.ts';
import { Informer } from '../cache/informer.ts';
import type { InformerOptions, InformerView } from '../cache/informer.ts';
import { LeaderLease } from './lease.ts';
import type { LeaseOptions } from './lease.ts';
import { createLogger } from '../observe/log.ts';
import type { Logger } from '../observe/log.ts';
import type { Registry } from '../observe/metrics.ts';
import type { KubeObject } from '../api/objects.ts';
import { OperatorMetrics } from '../observe/operator-metrics.ts';
import { nameOf } from '../api/resource.ts';
import type { Resource, ResourceName } from '../api/resource.ts';

export interface OperatorOptions {
  /** Name of the lease, owner of fields, reporter of events. */
  readonly name: string;
  /** Namespaces to look into. Default: all. */
  readonly namespaces?: readonly string[];
  /** false: no other replica runs, as on a laptop. Default: a lease of the operator's name in the pod's namespace. */
  readonly leaderElection?: false | Partial<Pick<LeaseOptions, 'namespace' | 'name' | 'identity' | 'duration' | 'renewDeadline' | 'retryPeriod'>>;
  readonly log?: Logger;
  readonly registry?: Registry;
  /** Where probes and metrics are served. Absent: nowhere. */
  readonly http?: { readonly port: number; readonly host?: string };
  /** Milliseconds that reconciliations may take to end after a stop. Default 30 s. */
  readonly gracePeriod?: number;
  /** Milliseconds without a word of the API server after which /healthz complains. Default 10 min. */
  readonly staleAfter?: number;
}

export interface ControllerSpec<T extends KubeObject> extends Omit<ControllerOptions<T>, 'informer' | 'name'>, Pick<InformerOptions<T>, 'labelSelector' | 'transform'> {
  /** Default: the resource's name. */
  readonly name?: string;
  readonly resource: Resource<T>;
  /** Children: their changes wake the owner. */
  readonly owns?: readonly ResourceName[];
}

/** Milliseconds that a reconciliation has from its abortion on. */
const AFTER_ABORT = 5000;

export class Operator {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  readonly log: Logger;
  readonly #options: OperatorOptions;
  readonly #base: Client;
  readonly #lease: LeaderLease | undefined;
  readonly #informers = new Map<string, InformerView[]>();
  readonly #controllers: Controller<never>[] = [];
  readonly #alongside: ((signal: AbortSignal) => Promise<void>)[] = [];
  #port: number | undefined;

  /** `client` is used as it is for the lease, and for everything else with a guard that refuses writes while we do not lead. */
  constructor(client: Client, options: OperatorOptions) {
    this.#options = options;
    this.log = options.log ?? createLogger();
    this.metrics = new OperatorMetrics(client.clock, options.registry);
    this.#base = client.with({ fieldManager: options.name, userAgent: options.name, observe: this.metrics.request });
    const { leaderElection = {} } = options;
    const identity = (leaderElection === false ? undefined : leaderElection.identity) ?? `${hostname()}_${randomBytes(4).toString('hex')}`;
    if (leaderElection !== false) {
      this.#lease = new LeaderLease({ namespace: inClusterNamespace() ?? 'default', name: options.name, log: this.log, ...leaderElection, client: this.#base, identity });
    }
    this.client = this.#base.with(this.#lease === undefined ? {} : { guard: this.#lease.guard });
    this.events = new EventRecorder({ client: this.client, log: this.log, controller: options.name, instance: identity });
  }

  /** With the credentials of the pod or the kubeconfig. */
  static async connect(options: OperatorOptions & ConnectOptions & { readonly client?: ClientOptions }): Promise<Operator> {
    return new Operator(new Client(await connect(options), options.client), options);
  }

  /** The cache of a resource; the same one for the same selection. Call it before run(). */
  informer<T extends KubeObject>(resource: Resource<T>, options: Omit<InformerOptions<T>, 'namespaces'> = {}): Informer<T> {
    const name = nameOf(resource);
    const known = this.#informers.get(name) ?? [];
    this.#informers.set(name, known);
    const id = ({ labelSelector, fieldSelector, metadataOnly, fields, transform }: typeof options): unknown[] => [labelSelector, fieldSelector, metadataOnly, fields, transform];
    const same = known.find((informer) => id((informer as Informer<T>).options).every((part, index) => part === id(options)[index]));
    if (same !== undefined) return same as Informer<T>;
    const informer = new Informer(resource, { ...options, namespaces: this.#options.namespaces }, { client: this.client, log: this.log, observe: this.metrics.reflector });
    known.push(informer);
    return informer;
  }

  /** Adds a controller. Call it before run(); more sources by its owns() and watches(). */
  controller<T extends KubeObject>(spec: ControllerSpec<T>): Controller<T> {
    const { resource, labelSelector, transform, owns = [], name = nameOf(resource), failed, concurrency = 8, ...rest } = spec;
    const observe = this.metrics.controller(name, concurrency);
    const informer = this.informer(resource, { labelSelector, transform });
    const controller = new Controller<T>({
      ...rest, name, informer, concurrency,
      failed: (key, object, error) => {
        this.#complain(object, error);
        failed?.(key, object, error);
      },
    }, { client: this.client, caches: (of) => this.#informers.get(nameOf(of))?.[0], clock: this.client.clock, random: this.client.random, log: this.log, observe });
    this.metrics.queue(name, controller.queue);
    for (const child of owns) controller.owns(this.informer(child));
    this.#controllers.push(controller as never);
    return controller;
  }

  /** Something else that runs while we lead, until the signal is aborted. */
  alongside(run: (signal: AbortSignal) => Promise<void>): void {
    this.#alongside.push(run);
  }

  get leads(): boolean {
    return this.#lease?.held ?? true;
  }

  /** Where probes are served while it runs. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Runs until the signal is aborted, then ends in order: reconciliations finish, events are written, the lease is released.
   *  Rejects with NotLeaderError when the lease is lost: the process must end, as others may lead already. */
  async run(signal: AbortSignal): Promise<void> {
    const { http, name } = this.#options;
    await using probes = http === undefined ? undefined : await serveProbes({ healthy: () => this.#stale(), ready: () => this.#unready(), metrics: () => this.metrics.registry.text() }, http);
    this.#port = probes?.port;
    const caching = new AbortController();
    const caches = [...this.#informers.values()].flat().map((informer) => informer.run(caching.signal));
    this.metrics.leading(name, false);
    try {
      if (this.#lease !== undefined) {
        try {
          await this.#lease.acquire(signal);
        } catch (error) {
          if (signal.aborted) return;
          throw error;
        }
      }
      this.metrics.leading(name, true);
      this.log.info('Leading', { operator: name });
      await this.#lead(signal);
    } finally {
      this.metrics.leading(name, false);
      caching.abort(new Error('The operator has stopped'));
      await Promise.all(caches);
    }
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { gracePeriod = 30_000 } = this.#options;
    const { clock } = this.client;
    const abort = new AbortController();
    const releasing = new AbortController();
    const stopping = new AbortController();
    let giveUp = (): void => undefined;
    const givenUp = new Promise<void>((resolve) => { giveUp = resolve; });
    const holding = this.#lease?.hold(releasing.signal);
    const lost = holding?.then((how) => {
      if (how !== 'lost') return;
      // Nothing that runs may write any more, and the guard sees to it.
      stopping.abort(new Error('The lease is lost'));
      abort.abort(new NotLeaderError('Cannot go on: the lease is lost'));
      giveUp();
    });
    const running = [
      ...this.#controllers.map((controller) => controller.run(AbortSignal.any([signal, stopping.signal]), abort.signal)),
      ...this.#alongside.map((run) => run(AbortSignal.any([signal, stopping.signal]))),
    ];
    const ended = Promise.all(running);
    const grace = new AbortController();
    const overdue = (): void => {
      this.log.info('Stopping', { reconciling: this.#controllers.reduce((sum, { queue }) => sum + [...queue.workingSince].length, 0) });
      void (async () => {
        await sleep(clock, gracePeriod, grace.signal);
        abort.abort(new Error('The operator stops'));
        await sleep(clock, AFTER_ABORT, grace.signal);
        this.log.warn('A reconciliation ignores that it was aborted: ending without it');
        giveUp();
      })().catch(() => undefined);
    };
    if (signal.aborted) overdue();
    else signal.addEventListener('abort', overdue, { once: true });
    try {
      await Promise.race([ended, givenUp]);
    } finally {
      signal.removeEventListener('abort', overdue);
      grace.abort();
      await this.events.close();
      releasing.abort(new Error('The operator stops'));
      await lost;
    }
    if (await holding === 'lost') throw new NotLeaderError('Cannot go on: the lease is lost. Start the process again, so that it waits for its turn');
  }

  /** A failure that a person can do something about becomes an event of the object. */
  #complain(object: KubeObject | undefined, error: unknown): void {
    if (object === undefined) return;
    const reason = error instanceof PermanentError ? 'PermanentError' : error instanceof TemporaryError ? 'TemporaryError' : 'ReconcileFailed';
    this.events.record(object, { type: 'Warning', reason, note: error instanceof Error ? error.message : String(error) });
  }

  #stale(): string | undefined {
    const { staleAfter = 600_000 } = this.#options;
    const silent = [...this.#informers.values()].flat().filter((informer) => informer.silence > staleAfter);
    return silent.length === 0 ? undefined : `No word of the API server for ${staleAfter / 1000} s about ${silent.map(({ resource }) => nameOf(resource)).join(', ')}`;
  }

  #unready(): string | undefined {
    const waiting = [...this.#informers.values()].flat().filter((informer) => !informer.hasSynced);
    return waiting.length === 0 ? undefined : `Not yet listed: ${waiting.map(({ resource }) => nameOf(resource)).join(', ')}`;
  }
}
