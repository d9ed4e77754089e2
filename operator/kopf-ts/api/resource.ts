/** A resource is a collection that the API server serves: how its paths look and of which type its objects are. */
import type { AnyObject, KubeObject, ObjectRef } from './objects.ts';

declare const objectType: unique symbol;

/** Where its objects lie. */
export interface ResourceName {
  /** '' is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** And of which type they are. */
export interface Resource<T extends KubeObject = AnyObject> extends ResourceName {
  readonly [objectType]?: T;
}

/** Describes a resource: `resource<Room>('example.dev/v1', 'Room', 'rooms')`. T is a promise about the schema that nothing checks. */
export function resource<T extends KubeObject = AnyObject>(apiVersion: string, kind: string, plural: string, options: { namespaced?: boolean } = {}): Resource<T> {
  const slash = apiVersion.indexOf('/');
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1), kind, plural, namespaced: options.namespaced ?? true,
  };
}

export const apiVersionOf = ({ group, version }: ResourceName): string => (group === '' ? version : `${group}/${version}`);

/** "rooms.example.dev", as kubectl and RBAC write it. */
export const nameOf = ({ group, plural }: ResourceName): string => (group === '' ? plural : `${plural}.${group}`);

/** The path of a collection (of all namespaces when none is given). */
export function collectionPath(resource: ResourceName, namespace?: string): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${scope}/${resource.plural}`;
}

/** The path of one object, or of a subresource of it. */
export function objectPath(resource: ResourceName, ref: ObjectRef, subresource?: string): string {
  if (resource.namespaced && ref.namespace === undefined) {
    throw new TypeError(`Cannot address ${nameOf(resource)} "${ref.name}" without a namespace. Give one: the resource is namespaced`);
  }
  return `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}${subresource === undefined ? '' : `/${subresource}`}`;
}

export const pods = resource('v1', 'Pod', 'pods');
export const services = resource('v1', 'Service', 'services');
export const configMaps = resource('v1', 'ConfigMap', 'configmaps');
export const secrets = resource('v1', 'Secret', 'secrets');
export const namespaces = resource('v1', 'Namespace', 'namespaces', { namespaced: false });
export const nodes = resource('v1', 'Node', 'nodes', { namespaced: false });
export const jobs = resource('batch/v1', 'Job', 'jobs');
export const deployments = resource('apps/v1', 'Deployment', 'deployments');
