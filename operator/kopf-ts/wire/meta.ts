/** Messages that all kinds share: k8s.io/apimachinery, pkg/apis/meta/v1/generated.proto and pkg/runtime/generated.proto. */
import { list, message } from './message.ts';
import type { Message } from './message.ts';

const ownerReference = message({ apiVersion: [5, 'string'], kind: [1, 'string'], name: [3, 'string'], uid: [4, 'string'], controller: [6, 'bool'], blockOwnerDeletion: [7, 'bool'] });

/** Without managedFields, which nobody looks at. */
const objectMeta = message({
  name: [1, 'string'], generateName: [2, 'string'], namespace: [3, 'string'], uid: [5, 'string'], resourceVersion: [6, 'string'], generation: [7, 'nonzero'],
  creationTimestamp: [8, 'time'], deletionTimestamp: [9, 'time'], deletionGracePeriodSeconds: [10, 'int'],
  labels: [11, 'map'], annotations: [12, 'map'], ownerReferences: [13, list(ownerReference)], finalizers: [14, list('string')],
});

/** All objects have it as their first field, PartialObjectMetadata has nothing else. */
export const metadata = message({ metadata: [1, objectMeta] });

const listMeta = message({ resourceVersion: [2, 'string'], continue: [3, 'string'], remainingItemCount: [4, 'int'] });

/** A list's own metadata. */
export const listMetadata = message({ metadata: [1, listMeta] });

export const listOf = (item: Message): Message => message({ metadata: [1, listMeta], items: [2, list(item)] });

/** An object of which these fields are read, and its metadata. */
export const withMetadata = (fields: Message): Message => Object.assign([...fields], { 1: metadata[1] });

export const status = message({
  status: [2, 'string'], message: [3, 'string'], reason: [4, 'string'], code: [6, 'int'],
  details: [5, message({
    name: [1, 'string'], group: [2, 'string'], kind: [3, 'string'], uid: [6, 'string'], retryAfterSeconds: [5, 'int'],
    causes: [4, list(message({ reason: [1, 'string'], message: [2, 'string'], field: [3, 'string'] }))],
  })],
});

/** The envelope of every object, after the magic bytes. */
export const unknown = message({ typeMeta: [1, message({ apiVersion: [1, 'string'], kind: [2, 'string'] })], raw: [2, 'bytes'] });

export const watchEvent = message({ type: [1, 'string'], object: [2, message({ raw: [1, 'bytes'] })] });
