import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Expectations } from './expectations.ts';
import type { KubeObject } from '../api/objects.ts';
import { Store } from '../cache/store.ts';
import { FakeClock } from '../testing/index.ts';

const chair = (resourceVersion: string, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({ metadata: { name: 'chair', uid: 'u', resourceVersion, ...metadata } });

function start() {
  const [clock, store, met] = [new FakeClock(), new Store(), [] as string[]];
  const expectations = new Expectations(clock, (key) => met.push(key));
  const write = (answer: KubeObject, meanwhile: () => void = () => undefined): Promise<KubeObject> => expectations.write('room', store, 'chair', async () => {
    meanwhile();
    return answer;
  }, () => true);
  return { clock, store, met, expectations, write };
}

test('a key waits until the store shows what was written', async () => {
  const { clock, store, met, expectations, write } = start();
  store.put(chair('1'));
  await write(chair('2'));
  assert.ok(expectations.pending('room'));
  store.put(chair('2'));
  assert.ok(!expectations.pending('room'));
  assert.deepEqual(met, ['room']);
  assert.deepEqual([expectations.remembered, clock.pending], [0, 0]);
});

test('a watch that is faster than the answer, and already further on, is no reason to wait', async () => {
  const { store, expectations, write } = start();
  await write(chair('2'), () => {
    store.put(chair('2'));
    store.put(chair('3'));
  });
  assert.ok(!expectations.pending('room'));
  await write(chair('4'), () => {
    store.put(chair('4'));
    store.remove('chair');
  });
  assert.ok(!expectations.pending('room'), 'seen and gone');
  assert.equal(expectations.remembered, 0);
});

test('a write that changed nothing is seen already', async () => {
  const { store, expectations, write } = start();
  store.put(chair('1'));
  await write(chair('1'));
  assert.ok(!expectations.pending('room'));
});

test('a deletion is expected until the object is gone, says so, or is another', () => {
  for (const end of [
    (store: Store<KubeObject>) => { store.remove('chair'); },
    (store: Store<KubeObject>) => { store.put(chair('2', { deletionTimestamp: '2030-01-01T00:00:00Z' })); },
    (store: Store<KubeObject>) => { store.put(chair('9', { uid: 'other' })); },
  ]) {
    const { clock, store, expectations } = start();
    store.put(chair('1'));
    expectations.expectDeletion('room', store, 'chair', 'u');
    assert.ok(expectations.pending('room'));
    end(store);
    assert.ok(!expectations.pending('room'));
    assert.deepEqual([expectations.remembered, clock.pending], [0, 0]);
  }
});

test('several writes are all awaited; a failed one is not; nothing is awaited for ever', async () => {
  const { clock, store, met, expectations, write } = start();
  await write(chair('2'));
  await write(chair('3'));
  await assert.rejects(write(chair('x'), () => { throw new Error('refused'); }), /refused/);
  store.put(chair('2'));
  assert.ok(expectations.pending('room'));
  await clock.advance(5000);
  assert.ok(!expectations.pending('room'));
  assert.deepEqual(met, ['room']);
  assert.deepEqual([expectations.remembered, clock.pending], [0, 0]);
});
