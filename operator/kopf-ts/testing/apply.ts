/** Server-side apply, as much of it as a controller's test needs. Simpler than the real one:
 *  - which lists are merged by key is known by the field's name (LIST_KEYS), not by a schema; other lists are replaced whole;
 *  - metadata.managedFields lists only paths of leaves;
 *  - whoever writes without applying owns what that write changed. */
import { isDeepStrictEqual } from 'node:util';
import type { AnyObject } from '../api/objects.ts';

/** Manager -> the leaves that it owns, each a path as JSON. */
export type Owners = ReadonlyMap<string, ReadonlySet<string>>;

const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  conditions: ['type'], containers: ['name'], initContainers: ['name'], volumes: ['name'], env: ['name'], volumeMounts: ['mountPath'],
  ownerReferences: ['uid'], ports: ['containerPort', 'port'],
};

/** Fields of the object's identity, which nobody owns. */
const IDENTITY = new Set(['apiVersion', 'kind', 'metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.resourceVersion', 'metadata.generation', 'metadata.creationTimestamp',
  'metadata.deletionTimestamp', 'metadata.deletionGracePeriodSeconds', 'metadata.managedFields', 'metadata.generateName']);

type Segment = string | { readonly key: string; readonly value: unknown };
type Path = readonly Segment[];
type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

function keyField(field: Segment | undefined, items: readonly unknown[]): string | undefined {
  if (typeof field !== 'string') return undefined;
  return LIST_KEYS[field]?.find((key) => items.every((item) => isFields(item) && item[key] !== undefined));
}

/** The leaves of an object: scalars, lists without keys, empty objects. */
function leaves(value: unknown, path: Path = [], found = new Map<string, unknown>()): Map<string, unknown> {
  if (path.length <= 2 && path.every((segment) => typeof segment === 'string') && IDENTITY.has(path.join('.'))) return found;
  if (path.length === 2 && path[0] === 'metadata' && path[1] === 'finalizers' && Array.isArray(value)) {
    for (const item of value) found.set(JSON.stringify([...path, { key: '', value: item as unknown }]), item);
  } else if (isFields(value) && Object.keys(value).length > 0) {
    for (const [field, inner] of Object.entries(value)) leaves(inner, [...path, field], found);
  } else if (Array.isArray(value) && value.length > 0 && keyField(path.at(-1), value) !== undefined) {
    const key = keyField(path.at(-1), value) as string;
    for (const item of value as Fields[]) leaves(item, [...path, { key, value: item[key] }], found);
  } else if (path.length > 0) {
    found.set(JSON.stringify(path), value);
  }
  return found;
}

/** Writes (undefined: removes) the leaf at a path, in place; containers come and go with their leaves. Returns the container. */
function write(container: unknown, path: Path, value: unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  if (typeof segment === 'string') {
    const fields: Fields = isFields(container) ? container : {};
    const inner = write(fields[segment], rest, value);
    if (inner === undefined) delete fields[segment];
    else fields[segment] = inner;
    return Object.keys(fields).length === 0 && value === undefined ? undefined : fields;
  }
  const list: unknown[] = Array.isArray(container) ? container as unknown[] : [];
  const same = (item: unknown): boolean => (segment.key === '' ? item === segment.value : isFields(item) && item[segment.key] === segment.value);
  const index = list.findIndex(same);
  if (segment.key === '' && value !== undefined && index < 0) list.push(value);
  if (segment.key === '' && value === undefined && index >= 0) list.splice(index, 1);
  if (segment.key !== '') {
    const item = write(index >= 0 ? list[index] : { [segment.key]: segment.value }, rest, value);
    if (item === undefined || (isFields(item) && Object.keys(item).length === 0)) {
      if (index >= 0) list.splice(index, 1);
    } else if (index >= 0) {
      list[index] = item;
    } else {
      list.push(item);
    }
  }
  return list.length === 0 && value === undefined ? undefined : list;
}

const isItemKey = (path: Path): boolean => {
  const item = path.at(-2);
  return typeof item === 'object' && item.key === path.at(-1);
};

export interface Applied {
  readonly object: AnyObject;
  readonly owners: Owners;
  /** "manager: path" of each field that another manager set to something else. */
  readonly conflicts: readonly string[];
}

/** Applies `manifest` as `manager` to the live object. */
export function applyTo(live: AnyObject, owners: Owners, manifest: object, manager: string, force: boolean): Applied {
  const object = structuredClone(live);
  const wanted = leaves(manifest);
  const now = leaves(live);
  const next = new Map([...owners].map(([name, paths]) => [name, new Set(paths)]));
  const conflicts: string[] = [];
  for (const [path, value] of wanted) {
    for (const [other, paths] of next) {
      if (other === manager || !paths.has(path) || isDeepStrictEqual(now.get(path), value)) continue;
      if (force) paths.delete(path);
      else conflicts.push(`${other}: ${path}`);
    }
  }
  if (conflicts.length > 0) return { object: live, owners, conflicts };
  const given = [...owners.get(manager) ?? []].filter((path) => !wanted.has(path) && ![...next].some(([other, paths]) => other !== manager && paths.has(path))).map((path) => JSON.parse(path) as Path);
  // Keys of items last: the others are found by them.
  for (const path of [...given.filter((one) => !isItemKey(one)), ...given.filter(isItemKey)]) write(object, path, undefined);
  for (const [path, value] of wanted) write(object, JSON.parse(path) as Path, structuredClone(value));
  next.set(manager, new Set(wanted.keys()));
  return { object, owners: next, conflicts };
}

/** A manager owns what it applied and what it updated separately: applying does not take away what the same manager has updated. */
const updaterOf = (manager: string): string => `${manager} ${UPDATE}`;
const UPDATE = '(update)';

/** Who owns what after a write that was no apply. */
export function ownersAfterUpdate(before: AnyObject | undefined, after: AnyObject, owners: Owners, manager: string): Owners {
  const [old, now] = [before === undefined ? new Map<string, unknown>() : leaves(before), leaves(after)];
  const changed = [...now].filter(([path, value]) => !old.has(path) || !isDeepStrictEqual(old.get(path), value)).map(([path]) => path);
  const next = new Map([...owners].map(([name, paths]) => [name, new Set([...paths].filter((path) => now.has(path) && !changed.includes(path)))]));
  next.set(updaterOf(manager), new Set([...(next.get(updaterOf(manager)) ?? []), ...changed]));
  return next;
}

/** metadata.managedFields of an object with these owners. */
export function managedFields(owners: Owners): unknown[] {
  return [...owners].filter(([, paths]) => paths.size > 0)
    .map(([manager, paths]) => ({ manager: manager.replace(` ${UPDATE}`, ''), operation: manager.endsWith(UPDATE) ? 'Update' : 'Apply', fieldsType: 'FieldsV1', fieldsV1: Object.fromEntries([...paths].map((path) => [`f:${path}`, {}])) }));
}
