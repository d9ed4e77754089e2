import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersionOf, collectionPath, nameOf, nodes, objectPath, pods, resource } from './resource.ts';

const rooms = resource('kopf-ts.dev/v1', 'Room', 'rooms');

test('paths are those of the API, names in them as they are written', () => {
  assert.equal(collectionPath(pods), '/api/v1/pods');
  assert.equal(collectionPath(rooms, 'default'), '/apis/kopf-ts.dev/v1/namespaces/default/rooms');
  assert.equal(objectPath(rooms, { namespace: 'default', name: 'red' }, 'status'), '/apis/kopf-ts.dev/v1/namespaces/default/rooms/red/status');
  assert.equal(objectPath(nodes, { name: 'Node-1' }), '/api/v1/nodes/Node-1');
  assert.equal(objectPath(nodes, { name: 'system:a/b' }), '/api/v1/nodes/system%3Aa%2Fb');
});

test('groups and versions are told apart', () => {
  assert.deepEqual([apiVersionOf(pods), nameOf(pods)], ['v1', 'pods']);
  assert.deepEqual([apiVersionOf(rooms), nameOf(rooms)], ['kopf-ts.dev/v1', 'rooms.kopf-ts.dev']);
});
