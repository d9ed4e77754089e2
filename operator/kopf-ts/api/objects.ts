/** Objects of Kubernetes as plain JSON: what the server sent, no field dropped or converted. */

/** A reference from a child to its owner (metav1.OwnerReference). */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** The parts of metav1.ObjectMeta that a controller looks at; the others are kept, only not typed. */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  /** Opaque: compare for equality only. */
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: unknown[];
}

export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** An object of which nothing more is known. */
export interface AnyObject extends KubeObject {
  [field: string]: unknown;
}

/** What finds an object within its resource. */
export interface ObjectRef {
  name: string;
  namespace?: string | undefined;
}

/** "namespace/name", or "name" of what lies in no namespace: the key of caches and queues. */
export function keyOf(object: { readonly metadata: { readonly name?: string; readonly namespace?: string } }): string {
  const { name = '', namespace } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** The inverse of keyOf. */
export function refOf(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The owner that controls the object: at most one has `controller: true`. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** A reference that makes `owner` the controller of the child that carries it. */
export function ownerReference(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata: { name, uid } } = owner;
  if (apiVersion === undefined || kind === undefined || name === undefined || uid === undefined) {
    throw new TypeError(`Cannot refer to an owner without apiVersion, kind, name and uid. Got ${JSON.stringify({ apiVersion, kind, name, uid })}: pass an object that was read from the API server`);
  }
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The child with `owner` as its controller, in the owner's namespace unless it names one. Returns a copy. */
export function adopt<T extends KubeObject>(owner: KubeObject, child: T): T {
  const others = (child.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
  const namespace = child.metadata.namespace ?? owner.metadata.namespace;
  return {
    ...child,
    metadata: { ...child.metadata, ...(namespace === undefined ? {} : { namespace }), ownerReferences: [...others, ownerReference(owner)] },
  };
}
