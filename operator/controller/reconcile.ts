import { isDeepStrictEqual } from 'node:util';
import { isAlreadyExists, type Context, type EventText, type KubeObject, type ResourceName } from 'kopf-ts';
import { plan } from '../plan/plan.ts';
import type { Deletion, Gang, KubernetesObject, Observed, PlanOptions, Status } from '../plan/types.ts';
import { announcements } from './announce.ts';
import { configMaps, jobs, networkPolicies, pods, services, type CustomObject } from './kubernetes.ts';
import { statusOf } from './parsed.ts';

/** Everything that reconcile needs of the world besides the object itself. */
export interface Hands {
  readonly plan: PlanOptions;
  gang(object: CustomObject): Gang;
  /** Jobs, pods, progress of this attempt and training of a gang, from the caches. */
  observe(gang: Gang, attempt: number): Promise<Omit<Observed, 'now' | 'status'>>;
  /** Whether the cache shows an object of this name. */
  has(kind: ResourceName, namespace: string, name: string): boolean;
  announce(object: CustomObject, event: EventText): void;
  forget(uid: string): void;
}

const RESOURCES: Readonly<Record<string, ResourceName>> = {
  Job: jobs, Pod: pods, ConfigMap: configMaps, Service: services, NetworkPolicy: networkPolicies,
};
const resourceOf = (kind: string): ResourceName => {
  const found = RESOURCES[kind];
  if (found === undefined) throw new TypeError(`The plan names a ${kind}, which the operator has no hands for`);
  return found;
};

/** Level by level: what is, what should be, then status, deletions, creations, in this order, so that a crash in between
 *  can be planned again. */
export async function reconcileGang(hands: Hands, context: Context<CustomObject>): Promise<{ readonly requeueAfter?: number } | undefined> {
  const { object, clock } = context;
  // Deleted: owner references collect the children, the bucket stays.
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
  const gang = hands.gang(object);
  const before = statusOf(object);
  const now = clock.now();
  const observed: Observed = { ...await hands.observe(gang, before?.attempt ?? 0), now: new Date(now).toISOString(), ...(before !== undefined && { status: before }) };
  const planned = plan(gang, observed, hands.plan);

  await writeStatus(hands, context, object, before, planned.status);
  for (const deletion of planned.deletes) await remove(context, gang, deletion);
  for (const child of planned.objects) await create(hands, context, child);
  return planned.wakeAt === undefined ? undefined : { requeueAfter: Math.max(0, Date.parse(planned.wakeAt) - now) };
}

/** With the resourceVersion that was planned from: whoever saw an older world fails here, before it does anything. */
async function writeStatus(hands: Hands, { write }: Context<CustomObject>, object: CustomObject, before: Status | undefined, after: Status): Promise<void> {
  const plain = JSON.parse(JSON.stringify(after)) as Status;
  if (isDeepStrictEqual(plain, before ?? {})) return;
  const { resourceVersion } = object.metadata;
  await write.applyStatus({ ...resourceFor(object) }, object, plain, resourceVersion === undefined ? {} : { resourceVersion });
  for (const event of announcements(before, plain)) hands.announce(object, event);
}

function resourceFor({ kind = '', apiVersion = '' }: CustomObject): ResourceName {
  const [group = '', version = ''] = apiVersion.split('/');
  return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced: true };
}

async function remove({ write, client }: Context<CustomObject>, gang: Gang, { kind, name, uid, force }: Deletion): Promise<void> {
  const resource = resourceOf(kind);
  const { namespace } = gang.metadata;
  if (force === true) {
    await client.delete(resource, { namespace, name }, { gracePeriodSeconds: 0 });
    return;
  }
  await write.delete(resource, { metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) } }, { propagation: 'Background' });
}

/** What is there is left as it is: a Job and its pods are created once and never applied again. */
async function create(hands: Hands, { write }: Context<CustomObject>, child: KubernetesObject): Promise<void> {
  const resource = resourceOf(child.kind);
  const { namespace, name } = child.metadata;
  if (hands.has(resource, namespace, name)) return;
  try {
    await write.create(resource, child as unknown as KubeObject);
  } catch (error) {
    // The cache lags behind what we or our predecessor made.
    if (!isAlreadyExists(error)) throw error;
  }
}

