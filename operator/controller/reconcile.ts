import { isDeepStrictEqual } from 'node:util';
import { ApiError, isAlreadyExists, isConflict, type Context, type EventText, type KubeObject, type ResourceName } from 'kopf-ts';
import { conditions } from '../plan/conditions.ts';
import { plan } from '../plan/plan.ts';
import type { Deletion, Gang, KubernetesObject, Observed, PlanOptions, Status, Waiting } from '../plan/types.ts';
import { announcements } from './announce.ts';
import { standingOf } from './children.ts';
import { resourceOf, type CustomObject } from './kubernetes.ts';
import { isOthers, statusOf, type Unreadable } from './parsed.ts';

/** Everything that reconcile needs of the world besides the object itself. */
export interface Hands {
  readonly plan: PlanOptions;
  gang(object: CustomObject): Gang | Unreadable;
  /** Jobs, pods, progress of this attempt and training of a gang, from the caches. `lookAgain`: milliseconds after which more
   *  may be known though nothing wakes us. */
  observe(gang: Gang, attempt: number): Promise<Omit<Observed, 'now' | 'status'> & { readonly lookAgain?: number }>;
  /** The object of this name in the cache. */
  child(resource: ResourceName, namespace: string, name: string): KubeObject | undefined;
  /** Why a creation for the resource with that uid was refused; undefined: it no longer is. True if that is news. */
  refuse(uid: string, why: Waiting | undefined): boolean;
  /** Tells people, once a status is written. */
  announce(object: CustomObject, event: EventText): void;
  /** Told of each status that was written. */
  wrote(object: CustomObject, before: Status | undefined, after: Status): void;
}

/** When to look again, milliseconds. */
type Again = { readonly requeueAfter: number } | undefined;

/** The watch shows what we do not know yet within that time. */
const SOON = 250;
/** Somebody has to do something about it first. */
const LATER = 30_000;

/** Level by level: what is, what should be, then status, deletions, creations, in this order, so that a crash in between
 *  can be planned again. */
export async function reconcileGang(hands: Hands, context: Context<CustomObject>): Promise<Again> {
  const { object, clock } = context;
  // Deleted: owner references collect the children, the bucket stays.
  if (object === undefined || object.metadata.deletionTimestamp !== undefined || isOthers(object)) return undefined;
  const now = clock.now();
  const gang = hands.gang(object);
  if (!('kind' in gang)) return refuse(hands, context, object, gang, now);
  const before = statusOf(object);
  const { lookAgain, ...seen } = await hands.observe(gang, before?.attempt ?? 0);
  const planned = plan(gang, { ...seen, now: new Date(now).toISOString(), ...(before !== undefined && { status: before }) }, hands.plan);

  // The Job is last: its pods need the rest, which all attempts share, so that it need not wait until this one is recorded.
  const [job] = planned.objects.slice(-1);
  const [recorded, ...shared] = await together<boolean | number | undefined>([
    writeStatus(hands, context, object, planned.status),
    ...planned.objects.slice(0, -1).map((child) => create(hands, context, object, child)),
  ]);
  if (recorded === false) return { requeueAfter: SOON };
  for (const deletion of planned.deletes) await remove(hands, context, gang, deletion);
  const blocked = shared.filter((wait) => typeof wait === 'number');
  if (blocked.length > 0) return { requeueAfter: Math.max(...blocked) };
  const wait = job === undefined ? undefined : await create(hands, context, object, job);
  if (wait !== undefined) return { requeueAfter: wait };
  hands.refuse(object.metadata.uid ?? '', undefined);
  const waits = [planned.wakeAt === undefined ? undefined : Math.max(0, Date.parse(planned.wakeAt) - now), lookAgain].filter((wait) => wait !== undefined);
  return waits.length === 0 ? undefined : { requeueAfter: Math.min(...waits) };
}

/** Like Promise.all, but nothing is under way any more when it fails: the next look at this resource must not meet this one's writes. */
async function together<T>(doing: readonly Promise<T>[]): Promise<T[]> {
  const done = await Promise.allSettled(doing);
  return done.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** With the resourceVersion that was planned from: whoever saw an older world fails here, before it does anything. False
 *  when it is outdated: the newer object is on its way to the cache. */
async function writeStatus(hands: Hands, { write, log }: Context<CustomObject>, object: CustomObject, status: Status): Promise<boolean> {
  const before = statusOf(object);
  const after = JSON.parse(JSON.stringify(status)) as Status;
  if (isDeepStrictEqual(after, before ?? {})) return true;
  const { resourceVersion } = object.metadata;
  try {
    await write.applyStatus(resourceOf(object.kind), object, after, { metadataOnly: true, ...(resourceVersion !== undefined && { resourceVersion }) });
  } catch (error) {
    if (!isConflict(error)) throw error;
    log.debug('The object has changed meanwhile: planning again');
    return false;
  }
  for (const event of announcements(before, after)) hands.announce(object, event);
  hands.wrote(object, before, after);
  return true;
}

/** What cannot be read is not retried: only a change of the spec or another operator helps. A gang that was begun by an
 *  operator that could read it goes on. */
async function refuse(hands: Hands, context: Context<CustomObject>, object: CustomObject, { problem }: Unreadable, now: number): Promise<Again> {
  const before = statusOf(object);
  if (before?.state === 'Failed' && before.observedGeneration === object.metadata.generation) return undefined;
  if ((before?.attempt ?? 0) > 0) {
    hands.announce(object, { type: 'Warning', reason: 'WrongConfiguration', note: problem });
    return undefined;
  }
  const time = new Date(now).toISOString();
  const { generation = 1 } = object.metadata;
  const status: Status = {
    observedGeneration: generation, state: 'Failed', attempt: 0, restarts: { charged: 0, free: 0 }, completionTime: time,
    conditions: conditions({ kind: 'Failed', reason: 'WrongConfiguration', message: problem }, before?.conditions ?? [], time, generation),
  };
  return await writeStatus(hands, context, object, status) ? undefined : { requeueAfter: SOON };
}

/** This very object, not one that has taken its name. What the cache does not show is gone, or goes with its owner. */
async function remove(hands: Hands, { write }: Context<CustomObject>, gang: Gang, { kind, name, force }: Deletion): Promise<void> {
  const resource = resourceOf(kind);
  const known = hands.child(resource, gang.metadata.namespace, name);
  if (known !== undefined) await write.delete(resource, known, force === true ? { gracePeriodSeconds: 0 } : { propagation: 'Background' });
}

/** What is there is left as it is: a Job and its pods are created once and never applied again. Milliseconds to wait if
 *  the name is not free. */
async function create(hands: Hands, { write, client, signal }: Context<CustomObject>, object: CustomObject, child: KubernetesObject): Promise<number | undefined> {
  const resource = resourceOf(child.kind);
  const { namespace, name } = child.metadata;
  let there = hands.child(resource, namespace, name);
  if (there === undefined) {
    try {
      await write.create(resource, child, { metadataOnly: true });
      return undefined;
    } catch (error) {
      const why = refusal(error, child);
      // News go into the status at once.
      if (why !== undefined) return hands.refuse(object.metadata.uid ?? '', why) ? 0 : LATER;
      if (!isAlreadyExists(error)) throw error;
    }
    // The cache lags behind what our predecessor made, or does not show what is not ours.
    there = await client.find(resource, { namespace, name }, { signal, metadataOnly: true });
  }
  const standing = standingOf(there, object.metadata.uid);
  if (standing === 'ours') return undefined;
  if (standing === 'leaving') return SOON;
  hands.announce(object, { type: 'Warning', reason: 'NameTaken', note: `Cannot create ${child.kind} "${name}": there is one of that name that is not ours. Delete it, or give this resource another name` });
  return LATER;
}

/** An answer that stays the same until somebody changes something: missing rights, a quota, an admission plugin, a field that is not valid. */
function refusal(error: unknown, { kind, metadata: { name } }: KubernetesObject): Waiting | undefined {
  if (!(error instanceof ApiError) || (error.status !== 403 && error.status !== 422 && error.status !== 400)) return undefined;
  return { reason: 'FailedCreate', message: `Cannot create ${kind} "${name}": ${error.sentence}` };
}
