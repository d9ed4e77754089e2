import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/objects.ts';
import { Store } from './store.ts';

const object = (name: string, resourceVersion: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject =>
  ({ metadata: { namespace: 'n', name, uid: `uid-${name}`, resourceVersion, ...metadata } });

function filled(...objects: KubeObject[]) {
  const store = new Store();
  for (const one of objects) store.put(one);
  store.keepOnly(new Set(store.keys()));
  const told: string[] = [];
  store.subscribe((change) => told.push(`${change.type} ${change.object.metadata.name} ${change.object.metadata.uid}@${change.object.metadata.resourceVersion}`));
  return { store, told };
}

test('additions, updates and deletions are told once, the same version not again', () => {
  const { store, told } = filled();
  store.put(object('a', '1'));
  store.put(object('a', '1'));
  store.put(object('a', '2'));
  store.remove('n/a');
  store.remove('n/a');
  assert.deepEqual(told, ['added a uid-a@1', 'updated a uid-a@2', 'deleted a uid-a@2']);
  assert.equal(store.size, 0);
});

test('a new uid under an old name is a deletion and an addition', () => {
  const { store, told } = filled(object('a', '1'));
  store.put(object('a', '7', { uid: 'other' }));
  assert.deepEqual(told, ['deleted a uid-a@1', 'added a other@7']);
});

test('a whole list tells what has been deleted unseen, within what was listed', () => {
  const { store, told } = filled(object('a', '1'), object('b', '1'), object('c', '1', { namespace: 'other' }));
  store.keepOnly(new Set(['n/b']), (key) => key.startsWith('n/'));
  assert.deepEqual(told, ['deleted a uid-a@1']);
  assert.deepEqual([...store.keys()], ['n/b', 'other/c']);
});

test('what the first list brings is told as initial', () => {
  const store = new Store();
  const initial: boolean[] = [];
  store.subscribe((change) => { if (change.type === 'added') initial.push(change.initial); });
  store.put(object('a', '1'));
  store.keepOnly(new Set(['n/a']));
  store.put(object('b', '1'));
  assert.deepEqual(initial, [true, false]);
});

test('children are found by the uid of their owner, and by any other index', () => {
  const owner = { apiVersion: 'v1', kind: 'Room', name: 'r', uid: 'room' };
  const { store } = filled(object('a', '1', { ownerReferences: [owner] }), object('b', '1', { labels: { floor: '1' } }));
  assert.deepEqual(store.ownedBy('room').map(({ metadata }) => metadata.name), ['a']);
  store.addIndex('floor', ({ metadata }) => (metadata.labels?.floor === undefined ? [] : [metadata.labels.floor]));
  assert.deepEqual(store.by('floor', '1').map(({ metadata }) => metadata.name), ['b']);
  store.put(object('b', '2', { labels: { floor: '2' } }));
  assert.deepEqual(store.by('floor', '1'), []);
  assert.equal(store.by('floor', '2').length, 1);
  store.remove('n/b');
  store.remove('n/a');
  assert.equal(store.indexSize('floor') + store.indexSize('owner'), 0, 'an index forgets values without objects');
  assert.throws(() => store.by('colour', 'red'), /Cannot look into index "colour"/);
  assert.throws(() => { store.addIndex('floor', () => []); }, /Cannot add index "floor"/);
});
