import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adopt, controllerOf, keyOf, ownerReference, refOf } from './objects.ts';

const owner = { apiVersion: 'kopf-ts.dev/v1', kind: 'Room', metadata: { namespace: 'n', name: 'red', uid: 'u-1' } };

test('a key is namespace/name, or the name alone, and can be read back', () => {
  assert.equal(keyOf(owner), 'n/red');
  assert.deepEqual(refOf('n/red'), { namespace: 'n', name: 'red' });
  assert.equal(keyOf({ metadata: { name: 'node-1' } }), 'node-1');
  assert.deepEqual(refOf('node-1'), { name: 'node-1' });
});

test('an adopted child is in the namespace of its owner, once controlled by it, and a copy', () => {
  const child = { metadata: { name: 'chair' }, spec: { legs: 4 } };
  const adopted = adopt(owner, adopt(owner, child));
  assert.deepEqual(adopted.metadata, { name: 'chair', namespace: 'n', ownerReferences: [{ apiVersion: 'kopf-ts.dev/v1', kind: 'Room', name: 'red', uid: 'u-1', controller: true, blockOwnerDeletion: true }] });
  assert.equal(controllerOf(adopted)?.uid, 'u-1');
  assert.deepEqual(child, { metadata: { name: 'chair' }, spec: { legs: 4 } });
  assert.equal(controllerOf({ metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x' }] } }), undefined, 'an owner is not yet a controller');
});

test('an owner that was not read from the server cannot be referred to', () => {
  assert.throws(() => ownerReference({ metadata: { name: 'red' } }), /Cannot refer to an owner without apiVersion, kind, name and uid/);
});
