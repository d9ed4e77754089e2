import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '@srdit/crds';
import { parseResource, ResourceError } from '@srdit/crds/parse';
import type { Gang, Status } from '../plan/types.ts';
import { RunError } from './errors.ts';
import { type Layout, type ResourceKey, readIfThere, writeAtomically } from './files.ts';

/** A resource as the API server would keep it, in a file. */
export type Stored = Resource & { readonly metadata: { readonly uid: string; readonly generation: number; readonly namespace: string; readonly creationTimestamp: string } };

export const keyOf = (resource: Resource | Gang): ResourceKey =>
  ({ kind: resource.kind, namespace: resource.metadata.namespace ?? 'default', name: resource.metadata.name });

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export function load(layout: Layout, key: ResourceKey): Stored | undefined {
  const path = layout.state(key);
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Stored;
  } catch (cause) {
    throw new RunError('BadState', `Cannot read the state of ${key.kind} "${key.name}": "${path}" is not JSON. Remove the file: the run then goes on from its newest checkpoint`, { cause });
  }
}

export function save(layout: Layout, stored: Stored): void {
  writeAtomically(layout.state(keyOf(stored)), `${JSON.stringify(stored, null, 2)}\n`);
}

/** All stored resources, by kind and name. */
export function loadAll(layout: Layout): Stored[] {
  const below = (folder: string): string[] => { try { return readdirSync(folder).toSorted(); } catch { return []; } };
  return below(join(layout.root, 'state')).flatMap((namespace) => below(join(layout.root, 'state', namespace)).toReversed().flatMap((kind) =>
    below(join(layout.root, 'state', namespace, kind)).filter((file) => file.endsWith('.json'))
      .flatMap((file) => load(layout, { kind, namespace, name: file.slice(0, -'.json'.length) }) ?? [])));
}

/** Takes a resource as the API server would: identity, generation, what must not change.
 *  Nothing of it runs now (its lock is ours), so the rules see the old one as suspended.
 *  @throws ResourceError */
export function admit(resource: Resource, stored: Stored | undefined, now: string): Stored {
  const namespace = resource.metadata.namespace ?? 'default';
  const { status: _theirs, ...asked } = resource;
  if (stored === undefined) {
    return plain({ ...asked, metadata: { ...resource.metadata, namespace, uid: randomUUID(), generation: 1, creationTimestamp: now } });
  }
  const specChanged = !isDeepStrictEqual(plain(resource.spec), stored.spec);
  if (specChanged) refuseChange(resource, stored);
  const { uid, generation, creationTimestamp } = stored.metadata;
  return plain({
    ...asked,
    metadata: { ...resource.metadata, namespace, uid, generation: specChanged ? generation + 1 : generation, creationTimestamp },
    ...(stored.status === undefined ? {} : { status: asLeft(stored.status as Status) }),
  }) as Stored;
}

function refuseChange(resource: Resource, stored: Stored): void {
  try {
    parseResource(resource, { ...stored, spec: { ...stored.spec, suspend: true } } as Resource);
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    throw new ResourceError(error.problems.map((problem) => ({ ...problem, source: `${resource.kind} "${resource.metadata.name}"` })));
  }
}

/** No pod of it runs any more, whatever was written last: asking again is resuming. A run that failed gets another try,
 *  with a budget of its own, because a person asks for it. */
function asLeft(status: Status): Status {
  if (status.state === 'Complete' || (status.attempt ?? 0) === 0) return status;
  const { nextAttemptTime: _passed, completionTime: _over, ...rest } = status;
  if (status.state !== 'Failed') return { ...rest, state: 'Suspended' };
  return { ...rest, state: 'Suspended', restarts: { charged: 0, free: 0 }, conditions: (status.conditions ?? []).filter((one) => one.type !== 'Failed' && one.type !== 'Stalled') };
}
