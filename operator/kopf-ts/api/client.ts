/** Reads and writes objects of Kubernetes as plain JSON. Writes are server-side apply where possible, and preconditions where not. */
import type { Clock, Random } from '../clock.ts';
import { systemClock } from '../clock.ts';
import { isConflict, isNotFound } from './errors.ts';
import type { AnyObject, KubeObject, ObjectRef } from './objects.ts';
import { pages, type AskPage, type Page } from './pages.ts';
import type { RequestReport, WriteGuard } from './request.ts';
import { Sender } from './request.ts';
import type { Call } from './request.ts';
import { apiVersionOf, collectionPath, nameOf, objectPath } from './resource.ts';
import type { Resource, ResourceName } from './resource.ts';
import { defaultRetries } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import type { Transport } from './transport.ts';
import type { WatchEvent } from './watch.ts';
import { readWatch } from './watch.ts';
import { form } from '../wire/answer.ts';
import type { Message } from '../wire/message.ts';

export interface ClientOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Owner of the fields that are applied. */
  readonly fieldManager?: string;
  readonly userAgent?: string;
  /** Milliseconds that one attempt may take. Default 30 s. */
  readonly timeout?: number;
  readonly retries?: RetryPolicy;
  /** Without one, anybody may write. */
  readonly guard?: WriteGuard;
  readonly observe?: (report: RequestReport) => void;
}

/** What every call may bring along. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeout?: number;
  readonly retries?: RetryPolicy;
  /** The answer has apiVersion, kind and metadata alone: fewer bytes to send and to parse. */
  readonly metadataOnly?: boolean | undefined;
}

export interface Selection {
  /** All namespaces when absent. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects come as apiVersion, kind and metadata alone. */
  readonly metadataOnly?: boolean | undefined;
  /** Only these fields of the objects (and apiVersion, kind and metadata) are wanted. Others may be there, too: see wire/answer.ts. */
  readonly fields?: Message | undefined;
}

export interface ListPage<T extends KubeObject> {
  readonly items: T[];
  /** Of the whole list, the same on every page: where a watch goes on. */
  readonly resourceVersion: string;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds?: number;
  /** Milliseconds without a byte after which the connection is taken for dead. */
  readonly inactivity?: number;
  readonly signal?: AbortSignal;
}

export interface ApplyOptions extends CallOptions {
  /** "status", "scale"... */
  readonly subresource?: string;
  readonly fieldManager?: string;
  /** Take fields that another manager set to something else. Default true, as controllers should. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export interface DeleteOptions extends CallOptions {
  /** Delete this very object, not one that has taken its name. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
}

const DEFAULTS = { timeout: 30_000, inactivity: 90_000, fieldManager: 'kopf-ts', userAgent: 'kopf-ts' };

export class Client {
  readonly clock: Clock;
  readonly random: Random;
  readonly fieldManager: string;
  readonly #transport: Transport;
  readonly #options: ClientOptions;
  readonly #sender: Sender;

  constructor(transport: Transport, options: ClientOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.fieldManager = options.fieldManager ?? DEFAULTS.fieldManager;
    this.#transport = transport;
    this.#options = options;
    this.#sender = new Sender({
      transport, clock: this.clock, random: this.random, userAgent: options.userAgent ?? DEFAULTS.userAgent, guard: options.guard, observe: options.observe,
    });
  }

  /** The same connection with other options: another field manager, a guard, an observer. */
  with(options: ClientOptions): Client {
    return new Client(this.#transport, { ...this.#options, ...options });
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Errors: isNotFound, and what every call may meet (ApiError, ConnectionError). */
  async get<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: CallOptions & { subresource?: string } = {}): Promise<T> {
    return this.#object(resource, { what: say('get', resource, ref), method: 'GET', path: objectPath(resource, ref, options.subresource) }, options);
  }

  /** Like get, with undefined for what is not there. */
  async find<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.get(resource, ref, options);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** A consistent list, in pages of `limit` objects. ahead: the next page is asked for before this one is parsed, for who wants them all.
   *  Throws isExpired when the pages took longer than the server remembers: begin again. */
  async* list<T extends KubeObject>(resource: Resource<T>, selection: Selection & CallOptions & { limit?: number; ahead?: boolean } = {}): AsyncGenerator<ListPage<T>> {
    const { namespace, labelSelector, fieldSelector, limit = 500, ahead = false } = selection;
    const ask: AskPage<T> = (from, peek) => this.#send({
      what: `list ${nameOf(resource)}`, method: 'GET', path: collectionPath(resource, namespace), peek,
      query: { labelSelector, fieldSelector, limit: limit > 0 ? String(limit) : undefined, continue: from },
      form: form(selection, true),
    }, selection) as Promise<Page<T>>;
    for await (const { metadata, items } of pages(ask, ahead)) {
      if (metadata?.resourceVersion === undefined) throw new TypeError(`Cannot list ${nameOf(resource)}: the answer of the API server has no metadata.resourceVersion`);
      for (const item of items ?? []) identify(item, resource);
      yield { items: items ?? [], resourceVersion: metadata.resourceVersion };
    }
  }

  /** All pages at once: for short lists. */
  async listAll<T extends KubeObject>(resource: Resource<T>, selection: Selection & CallOptions = {}): Promise<T[]> {
    const all: T[] = [];
    for await (const page of this.list(resource, { ...selection, ahead: true })) all.push(...page.items);
    return all;
  }

  /** The changes after `resourceVersion`, one by one, until the server ends the watch. Errors: see readWatch. */
  async* watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    for await (const events of this.watchChunks(resource, options)) yield* events;
  }

  /** The same, several events at a time as they arrive. */
  watchChunks<T extends KubeObject>(resource: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>[]> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, inactivity = DEFAULTS.inactivity, signal } = options;
    const asked = form(options);
    const what = `watch ${nameOf(resource)}`;
    return readWatch<T>(what, (opened) => this.#sender.open({
      what, method: 'GET', path: collectionPath(resource, namespace), signal: opened, timeout: this.#options.timeout ?? DEFAULTS.timeout, retries: defaultRetries,
      form: asked,
      query: {
        watch: 'true', allowWatchBookmarks: 'true', resourceVersion, labelSelector, fieldSelector,
        timeoutSeconds: timeoutSeconds === undefined ? undefined : String(timeoutSeconds),
      },
    }), { clock: this.clock, inactivity, signal, message: asked.message, ...(asked.message !== undefined && { identify: (object: KubeObject) => { identify(object, resource); } }) });
  }

  /** Server-side apply: the fields given are set and owned, those we gave before and now do not are removed. A resourceVersion in it is a precondition. */
  async apply<T extends KubeObject, M extends KubeObject>(resource: Resource<T>, manifest: M, options: ApplyOptions = {}): Promise<T> {
    const { subresource, fieldManager = this.fieldManager, force = true, dryRun = false } = options;
    const ref = namedRef(manifest);
    return this.#object(resource, {
      what: say(subresource === undefined ? 'apply' : `apply ${subresource} of`, resource, ref), method: 'PATCH', path: objectPath(resource, ref, subresource),
      contentType: 'application/apply-patch+yaml', query: { fieldManager, force: String(force), dryRun: dryRun ? 'All' : undefined },
      body: { ...manifest, apiVersion: apiVersionOf(resource), kind: resource.kind },
    }, options);
  }

  /** Errors: isAlreadyExists. */
  async create<T extends KubeObject, M extends KubeObject>(resource: Resource<T>, manifest: M, options: CallOptions = {}): Promise<T> {
    const { name = manifest.metadata.generateName ?? '', namespace } = manifest.metadata;
    return this.#object(resource, {
      what: say('create', resource, { name, namespace }), method: 'POST', path: collectionPath(resource, namespace), query: { fieldManager: this.fieldManager },
      body: { ...manifest, apiVersion: apiVersionOf(resource), kind: resource.kind },
    }, options);
  }

  /** Writes the whole object. Its resourceVersion, if there, must still be the server's. Errors: isConflict. */
  async replace<T extends KubeObject>(resource: Resource<T>, object: T, options: CallOptions & { subresource?: string } = {}): Promise<T> {
    const ref = namedRef(object);
    return this.#object(resource, {
      what: say('replace', resource, ref), method: 'PUT', path: objectPath(resource, ref, options.subresource), query: { fieldManager: this.fieldManager }, body: object,
    }, options);
  }

  /** JSON merge patch (RFC 7386): null removes a field, lists are replaced whole. */
  async merge<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef, patch: object, options: CallOptions & { subresource?: string } = {}): Promise<T> {
    return this.#object(resource, {
      what: say('patch', resource, ref), method: 'PATCH', path: objectPath(resource, ref, options.subresource), contentType: 'application/merge-patch+json',
      query: { fieldManager: this.fieldManager }, body: patch,
    }, options);
  }

  /** False when it was gone already, or (with uid) another object has its name. With finalizers or a grace period the object stays for a while. */
  async delete(resource: ResourceName, ref: ObjectRef, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, propagation, gracePeriodSeconds } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    try {
      await this.#send({
        what: say('delete', resource, ref), method: 'DELETE', path: objectPath(resource, ref),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy: propagation, gracePeriodSeconds },
      }, options);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      if (isConflict(error) && uid !== undefined) {
        const now = await this.find<AnyObject>(resource, ref, options);
        if (now === undefined || now.metadata.uid !== uid) return false;
      }
      throw error;
    }
  }

  async #object<T extends KubeObject>(resource: Resource<T>, call: Asked, options: CallOptions): Promise<T> {
    const object = await this.#send({ ...call, form: form(options) }, options) as T;
    return options.metadataOnly === true ? identify(object, resource) : object;
  }

  #send(call: Asked, options: CallOptions): Promise<unknown> {
    return this.#sender.send({
      ...call, timeout: options.timeout ?? this.#options.timeout ?? DEFAULTS.timeout, retries: options.retries ?? this.#options.retries ?? defaultRetries, signal: options.signal,
    });
  }
}

type Asked = Pick<Call, 'what' | 'method' | 'path' | 'query' | 'body' | 'contentType' | 'form' | 'peek'>;

/** In lists the server leaves out what it thinks is clear from the list's own kind; metadata alone it calls PartialObjectMetadata. */
function identify<T extends KubeObject>(object: T, resource: ResourceName): T {
  return Object.assign(object, { apiVersion: apiVersionOf(resource), kind: resource.kind });
}

const say = (verb: string, resource: ResourceName, ref: ObjectRef): string =>
  `${verb} ${nameOf(resource)} "${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name}"`;

function namedRef(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  if (name === undefined) throw new TypeError(`Cannot write ${object.kind ?? 'an object'} without metadata.name. Give it one`);
  return { name, namespace };
}
