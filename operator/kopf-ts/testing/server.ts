/** An API server for tests: lists in pages, watches with bookmarks, server-side apply, status, preconditions, finalizers, garbage collection, and faults on demand.
 *  It has no schemas, no admission and no other controllers: what these would do, a test does itself. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Random } from '../clock.ts';
import { systemClock } from '../clock.ts';
import type { AnyObject, KubeObject } from '../api/objects.ts';
import { keyOf } from '../api/objects.ts';
import type { Resource, ResourceName } from '../api/resource.ts';
import { apiVersionOf, nameOf } from '../api/resource.ts';
import type { Answer, Question } from './answer.ts';
import { Broken, Refused, jsonAnswer } from './answer.ts';
import { applyTo, managedFields, ownersAfterUpdate } from './apply.ts';
import type { Owners } from './apply.ts';
import { Database } from './database.ts';
import type { Stored } from './database.ts';
import { Faults } from './faults.ts';
import { mergePatch } from './merge-patch.ts';
import { asAccepted } from './accepted.ts';
import { Pages } from './pages.ts';
import { routeOf } from './route.ts';
import type { Route } from './route.ts';
import { fieldPredicate, labelPredicate } from '../api/selectors.ts';
import type { Message } from '../wire/message.ts';
import { validate } from './validate.ts';
import { watchAnswer } from './watch-answer.ts';
import type { WatchRequest } from './watch-answer.ts';

export interface FakeApiServerOptions {
  readonly resources: readonly ResourceName[];
  /** Kinds that it can send as Protocol Buffers, by "pods" or "jobs.batch", and as much of them. */
  readonly messages?: Readonly<Record<string, Message>>;
  readonly clock?: Clock;
  readonly random?: Random;
  /** When given, every other bearer token is answered by 401. Change it while running: an expired token. */
  readonly tokens?: ReadonlySet<string>;
}

export class FakeApiServer {
  readonly clock: Clock;
  readonly database = new Database();
  readonly faults: Faults;
  /** How often which request came, by "verb resource" or "verb resource/subresource". */
  readonly requests = new Map<string, number>();
  tokens: ReadonlySet<string> | undefined;
  readonly #resources: readonly ResourceName[];
  readonly #messages: Readonly<Record<string, Message>>;
  readonly #random: Random | undefined;
  readonly #pages = new Pages();
  readonly #watches = new Set<() => void>();

  constructor(options: FakeApiServerOptions) {
    this.clock = options.clock ?? systemClock;
    this.faults = new Faults(this.clock);
    this.tokens = options.tokens;
    this.#resources = options.resources;
    this.#messages = options.messages ?? {};
    this.#random = options.random;
  }

  /** Answers one request. Throws Broken where a connection would break. */
  async handle(question: Question): Promise<Answer> {
    let message: Message | undefined;
    const accepted = (answer: Answer): Answer => asAccepted(answer, question.headers.accept, message);
    try {
      if (this.tokens !== undefined && !this.tokens.has(question.headers.authorization?.replace(/^Bearer /, '') ?? '')) throw new Refused(401, 'Unauthorized', 'Unauthorized');
      const route = routeOf(question, this.#resources);
      const { verb, resource, ref, subresource } = route;
      message = this.#messages[nameOf(resource)];
      const counted = `${verb} ${nameOf(resource)}${subresource === undefined ? '' : `/${subresource}`}`;
      this.requests.set(counted, (this.requests.get(counted) ?? 0) + 1);
      return await this.faults.around({ verb, resource: nameOf(resource), name: ref?.name, subresource }, async () => accepted(this.#answer(route, question)), accepted);
    } catch (error) {
      if (error instanceof Refused) return accepted(error.answer());
      if (error instanceof Broken) throw error;
      // A bug of this server must not look like one of the network.
      return new Refused(500, 'InternalError', `the fake API server failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`).answer();
    }
  }

  /** Forgets history and pages: every older watch and continue token gets 410. */
  compact(): void {
    this.database.compact();
    this.#pages.clear();
  }

  /** Ends all watches, as a restart does. */
  dropWatches(): void {
    for (const end of [...this.#watches]) end();
  }

  // What a test does in the place of users and of other controllers; the same rules, no faults.

  create<T extends KubeObject>(resource: Resource<T>, manifest: KubeObject & object): T {
    return this.#create(resource, manifest as AnyObject, 'test') as KubeObject as T;
  }

  find<T extends KubeObject>(resource: Resource<T>, key: string): T | undefined {
    return this.database.get(resource, key)?.object as KubeObject | undefined as T | undefined;
  }

  list<T extends KubeObject>(resource: Resource<T>): T[] {
    return this.database.list(resource) as KubeObject[] as T[];
  }

  /** JSON merge patch. */
  patch<T extends KubeObject>(resource: Resource<T>, key: string, patch: object, subresource?: string): T {
    const stored = this.#stored(resource, key);
    return this.#update(resource, stored, mergePatch(stored.object, patch) as AnyObject, subresource, 'test') as KubeObject as T;
  }

  delete(resource: ResourceName, key: string): void {
    this.#delete(resource, this.#stored(resource, key));
  }

  #answer(route: Route, { body }: Question): Answer {
    const { verb, resource, ref, subresource, query } = route;
    const manager = query.get('fieldManager') ?? 'unknown';
    const key = ref === undefined ? '' : keyOf({ metadata: ref.namespace === undefined ? { name: ref.name } : { name: ref.name, namespace: ref.namespace } });
    switch (verb) {
      case 'list':
        return jsonAnswer(200, this.#pages.page(this.database.version, () => this.database.list(resource).filter(matcher(route)), query, { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource) }));
      case 'watch':
        return this.#watch({
          resource, matches: matcher(route), resourceVersion: query.get('resourceVersion') ?? undefined, bookmarks: query.get('allowWatchBookmarks') === 'true',
          timeoutSeconds: Number(query.get('timeoutSeconds') ?? 3600),
        });
      case 'get':
        return jsonAnswer(200, this.#stored(resource, key).object);
      case 'create':
        return jsonAnswer(201, this.#create(resource, placed(parsed(body), route), manager));
      case 'replace': {
        const object = placed(parsed(body), route);
        const stored = this.#stored(resource, key);
        precondition(stored, object.metadata.uid, object.metadata.resourceVersion);
        return jsonAnswer(200, this.#update(resource, stored, object, subresource, manager));
      }
      case 'merge': {
        const stored = this.#stored(resource, key);
        const object = mergePatch(stored.object, parsed(body)) as AnyObject;
        precondition(stored, object.metadata.uid, object.metadata.resourceVersion);
        return jsonAnswer(200, this.#update(resource, stored, object, subresource, manager));
      }
      case 'apply':
        return this.#apply(route, key, placed(parsed(body), route), manager);
      case 'delete': {
        const stored = this.#stored(resource, key);
        const options = body === '' ? {} : parsed(body) as { preconditions?: { uid?: string; resourceVersion?: string } };
        precondition(stored, options.preconditions?.uid, options.preconditions?.resourceVersion);
        return jsonAnswer(200, this.#delete(resource, stored));
      }
      default:
        return verb satisfies never;
    }
  }

  #watch(request: Omit<WatchRequest, 'ended'>): Answer {
    let over = false;
    let end = (): void => undefined;
    const answer: Answer = watchAnswer(this.database, this.clock, {
      ...request,
      ended: () => {
        over = true;
        this.#watches.delete(end);
      },
    });
    end = () => { answer.close?.(); };
    if (!over) this.#watches.add(end);
    return answer;
  }

  #stored(resource: ResourceName, key: string): Stored {
    const stored = this.database.get(resource, key);
    if (stored === undefined) throw new Refused(404, 'NotFound', `${nameOf(resource)} "${key.slice(key.indexOf('/') + 1)}" not found`);
    return stored;
  }

  #create(resource: ResourceName, manifest: AnyObject, manager: string): AnyObject {
    validate(resource, manifest);
    const { generateName, ...rest } = manifest.metadata;
    const name = rest.name ?? `${generateName ?? ''}${this.#uid().slice(0, 5)}`;
    if (this.database.get(resource, keyOf({ metadata: { ...rest, name } })) !== undefined) throw new Refused(409, 'AlreadyExists', `${nameOf(resource)} "${name}" already exists`);
    const created = this.#born(resource, { ...manifest, metadata: { ...rest, name } });
    return this.#put(resource, created, ownersAfterUpdate(undefined, created, new Map(), manager));
  }

  #born(resource: ResourceName, object: AnyObject): AnyObject {
    const { status: _, ...rest } = object;
    return {
      ...rest, apiVersion: apiVersionOf(resource), kind: resource.kind,
      metadata: { ...object.metadata, uid: this.#uid(), creationTimestamp: new Date(this.clock.now()).toISOString().replace(/\.\d+/, ''), generation: 1 },
    };
  }

  #apply({ resource, subresource, ref, query }: Route, key: string, manifest: AnyObject, manager: string): Answer {
    const existing = this.database.get(resource, key);
    const { uid, resourceVersion } = manifest.metadata;
    if (existing === undefined) {
      if (subresource !== undefined) throw new Refused(404, 'NotFound', `${nameOf(resource)} "${ref?.name}" not found`);
      if (uid !== undefined || resourceVersion !== undefined) throw new Refused(409, 'Conflict', `Operation cannot be fulfilled on ${nameOf(resource)} "${ref?.name}": uid or resourceVersion was given, and it does not exist`);
      validate(resource, manifest);
    } else {
      precondition(existing, uid, resourceVersion);
    }
    const base = existing ?? { object: this.#born(resource, { metadata: manifest.metadata }), owners: new Map() as Owners };
    const { status, ...main } = manifest;
    const part = subresource === 'status' ? { status } : main;
    const result = applyTo(base.object, base.owners, part, subresource === undefined ? manager : `${manager}/${subresource}`, query.get('force') === 'true');
    if (result.conflicts.length > 0) throw new Refused(409, 'Conflict', `Apply failed with ${result.conflicts.length} conflicts: ${result.conflicts.join(', ')}`);
    if (existing === undefined) return jsonAnswer(201, query.get('dryRun') === 'All' ? result.object : this.#put(resource, result.object, result.owners));
    if (query.get('dryRun') === 'All') return jsonAnswer(200, result.object);
    return jsonAnswer(200, this.#store(resource, existing, result.object, result.owners));
  }

  #update(resource: ResourceName, stored: Stored, next: AnyObject, subresource: string | undefined, manager: string): AnyObject {
    const { object: live } = stored;
    // The main resource does not change status, and /status nothing else.
    const wanted: AnyObject = subresource === 'status'
      ? { ...live, status: next.status }
      : { ...next, ...(live.status === undefined ? {} : { status: live.status }), metadata: { ...next.metadata, ...fixed(live) } };
    if (live.status === undefined && subresource !== 'status') delete wanted.status;
    validate(resource, wanted);
    return this.#store(resource, stored, wanted, ownersAfterUpdate(live, wanted, stored.owners, manager));
  }

  /** Stores what an update came to: nothing if nothing changed, a removal if the last finalizer went. */
  #store(resource: ResourceName, { object: live, owners: before }: Stored, next: AnyObject, owners: Owners): AnyObject {
    const strip = ({ metadata: { managedFields: _, ...metadata }, ...rest }: AnyObject): unknown => ({ ...rest, metadata });
    if (isDeepStrictEqual(strip(live), strip(next)) && isDeepStrictEqual(before, owners)) return live;
    const content = ({ metadata: _, status: __, ...rest }: AnyObject): unknown => rest;
    const generation = (live.metadata.generation ?? 1) + (isDeepStrictEqual(content(live), content(next)) ? 0 : 1);
    const stored = this.#put(resource, { ...next, metadata: { ...next.metadata, generation } }, owners);
    if (stored.metadata.deletionTimestamp !== undefined && (stored.metadata.finalizers ?? []).length === 0) return this.#remove(resource, stored);
    return stored;
  }

  #delete(resource: ResourceName, { object, owners }: Stored): AnyObject {
    if ((object.metadata.finalizers ?? []).length === 0) return this.#remove(resource, object);
    if (object.metadata.deletionTimestamp !== undefined) return object;
    const deletionTimestamp = new Date(this.clock.now()).toISOString().replace(/\.\d+/, '');
    return this.#put(resource, { ...object, metadata: { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: 0, generation: (object.metadata.generation ?? 1) + 1 } }, owners);
  }

  #remove(resource: ResourceName, object: AnyObject): AnyObject {
    const removed = this.database.remove(resource, keyOf(object)) as AnyObject;
    this.#collect(object.metadata.uid as string);
    return removed;
  }

  /** Garbage collection: what the last owner leaves behind goes at once. */
  #collect(uid: string): void {
    for (const resource of this.#resources) {
      for (const object of this.database.list(resource)) {
        const owners = object.metadata.ownerReferences ?? [];
        if (owners.some((owner) => owner.uid === uid) && !owners.some((owner) => this.database.uids.has(owner.uid))) {
          const stored = this.database.get(resource, keyOf(object));
          if (stored !== undefined) this.#delete(resource, stored);
        }
      }
    }
  }

  #put(resource: ResourceName, object: AnyObject, owners: Owners): AnyObject {
    const stored = this.database.put(resource, { ...object, metadata: { ...object.metadata, managedFields: managedFields(owners) } }, owners);
    // Written for an owner that has gone meanwhile.
    for (const { uid } of stored.metadata.ownerReferences ?? []) this.clock.after(1000, () => { if (!this.database.uids.has(uid)) this.#collect(uid); });
    return stored;
  }

  #uid(): string {
    const random = this.#random;
    if (random === undefined) return randomUUID();
    return randomUUID().replace(/[0-9a-f]/g, () => Math.floor(random() * 16).toString(16));
  }
}

/** Metadata that only the server sets. */
function fixed(live: AnyObject): object {
  const { uid, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, name } = live.metadata;
  return { name, uid, creationTimestamp, generation, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }) };
}

function precondition({ object }: Stored, uid: string | undefined, resourceVersion: string | undefined): void {
  const { name, uid: liveUid, resourceVersion: liveVersion } = object.metadata;
  if (uid !== undefined && uid !== liveUid) throw new Refused(409, 'Conflict', `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${liveUid} ("${name}")`);
  if (resourceVersion !== undefined && resourceVersion !== liveVersion) throw new Refused(409, 'Conflict', `Operation cannot be fulfilled on "${name}": the object has been modified; please apply your changes to the latest version and try again`);
}

function parsed(body: string): AnyObject {
  try {
    return JSON.parse(body) as AnyObject;
  } catch {
    throw new Refused(400, 'BadRequest', 'the request body is no JSON');
  }
}

/** The object with the name and namespace of its path, which it must not contradict. */
function placed(object: AnyObject, { resource, ref, namespace }: Route): AnyObject {
  const { metadata } = object;
  if (metadata.namespace !== undefined && metadata.namespace !== namespace) throw new Refused(400, 'BadRequest', 'the namespace of the object does not match the namespace on the request');
  if (ref !== undefined && metadata.name !== undefined && metadata.name !== ref.name) throw new Refused(400, 'BadRequest', 'the name of the object does not match the name on the URL');
  if (object.kind !== undefined && object.kind !== resource.kind) throw new Refused(400, 'BadRequest', `the kind in the data (${object.kind}) does not match the expected one (${resource.kind})`);
  return { ...object, metadata: { ...metadata, ...(ref === undefined ? {} : { name: ref.name }), ...(namespace === undefined ? {} : { namespace }) } };
}

function matcher({ query, namespace }: Route): (object: KubeObject) => boolean {
  const label = labelPredicate(query.get('labelSelector') ?? '');
  let field: (object: KubeObject) => boolean;
  try {
    field = fieldPredicate(query.get('fieldSelector') ?? '');
  } catch (error) {
    throw new Refused(400, 'BadRequest', (error as Error).message);
  }
  return (object) => (namespace === undefined || object.metadata.namespace === namespace) && label(object) && field(object);
}
