import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reflector } from './reflector.ts';
import type { ReflectorOptions } from './reflector.ts';
import { Store } from './store.ts';
import type { Fault } from '../testing/index.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import { simulate } from '../testing/simulation.ts';

function start(options: Partial<ReflectorOptions<Room>> = {}) {
  const { clock, server, client } = simulate();
  const store = new Store<Room>();
  const did: string[] = [];
  const reflector = new Reflector<Room>({ client, resource: rooms, store, observe: (what) => did.push(what), ...options });
  const stop = new AbortController();
  const told: string[] = [];
  store.subscribe((change) => told.push(`${change.type} ${change.object.metadata.name}`));
  return {
    clock, server, store, reflector, told, did, run: () => reflector.run(stop.signal),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await clock.settle();
      assert.equal(clock.pending, 0, 'a stopped reflector leaves no timer behind');
    },
  };
}

test('it lists in pages, then watches, and says when it has seen everything', async () => {
  await using world = start({ pageSize: 2 });
  for (const name of ['a', 'b', 'c']) world.server.create(rooms, room(name));
  let synced = false;
  void world.reflector.synced().then(() => { synced = true; });
  void world.run();
  await world.clock.until(() => synced);
  assert.equal(world.server.requests.get('list rooms.kopf-ts.dev'), 2);
  world.server.patch(rooms, 'default/b', { spec: { chairs: 9 } });
  world.server.delete(rooms, 'default/c');
  await world.clock.settle();
  assert.deepEqual(world.told, ['added a', 'added b', 'added c', 'updated b', 'deleted c']);
  assert.equal(world.store.get('default/b')?.metadata.managedFields, undefined);
});

test('an idle watch is opened again every few minutes from where its bookmarks are, without a list', async () => {
  await using world = start();
  world.server.create(rooms, room('a'));
  void world.run();
  await world.clock.advance(60_000);
  // Changes elsewhere move the server's version; without bookmarks ours would be forgotten.
  for (let i = 0; i < 24; i++) {
    world.server.create(rooms, room(`x${i}`, {}, { namespace: 'default' }));
    await world.clock.advance(3_600_000);
    world.server.compact();
  }
  assert.equal(world.did.filter((what) => what === 'list').length, 1);
  assert.ok(world.did.filter((what) => what === 'watch').length > 24 * 7);
  assert.ok(!world.did.includes('error'));
});

test('after 410 it lists again, and tells what has been deleted and made anew unseen', async () => {
  await using world = start();
  for (const name of ['kept', 'gone', 'anew']) world.server.create(rooms, room(name));
  world.server.faults.add({ kind: 'silent' }, { when: ({ verb }) => verb === 'watch' });
  void world.run();
  await world.clock.settle();
  world.told.length = 0;
  world.server.delete(rooms, 'default/gone');
  world.server.delete(rooms, 'default/anew');
  world.server.create(rooms, room('anew', { chairs: 2 }));
  world.server.compact();
  await world.clock.advance(200_000);
  assert.deepEqual([...world.told].sort(), ['added anew', 'deleted anew', 'deleted gone']);
  assert.equal(world.did.filter((what) => what === 'list').length, 2);
});

const faults: Record<string, Fault> = {
  '500': { kind: 'status', status: 500 },
  '403': { kind: 'status', status: 403, reason: 'Forbidden' },
  '429 with Retry-After': { kind: 'status', status: 429, retryAfter: 3 },
  'a reset connection': { kind: 'reset' },
  'a truncated answer': { kind: 'truncated' },
  'a silent connection': { kind: 'silent' },
  'a watch that ends at once': { kind: 'closed', events: 0 },
  'a slow body': { kind: 'slow', milliseconds: 500 },
  '410': { kind: 'expired' },
};
for (const [name, fault] of Object.entries(faults)) {
  test(`${name}, ten times in a row, on lists and on watches: it goes on, and does not hurry`, async () => {
    await using world = start();
    world.server.create(rooms, room('a'));
    world.server.faults.add(fault, { times: 10 });
    void world.run();
    await world.clock.until(() => world.reflector.hasSynced);
    world.server.faults.add(fault, { times: 10, when: ({ verb }) => verb === 'watch' });
    const asked = (): number => [...world.server.requests.values()].reduce((sum, n) => sum + n, 0);
    const before = asked();
    await world.clock.advance(10_000);
    assert.ok(asked() - before <= 20, `${asked() - before} requests in 10 s`);
    await world.clock.advance(1_200_000);
    world.server.create(rooms, room('b'));
    await world.clock.advance(480_000);
    assert.deepEqual([...world.store.keys()], ['default/a', 'default/b']);
  });
}

test('what is not of interest is not kept, and what is no longer of interest is deleted', async () => {
  await using world = start({
    transform: (object) => (object.spec?.colour === 'red' ? { metadata: object.metadata, spec: object.spec } : undefined),
  });
  world.server.create(rooms, room('a', { colour: 'red' }));
  world.server.create(rooms, room('b', { colour: 'blue' }));
  void world.run();
  await world.clock.settle();
  assert.deepEqual([...world.store.keys()], ['default/a']);
  world.server.patch(rooms, 'default/a', { spec: { colour: 'blue' } });
  await world.clock.settle();
  assert.equal(world.store.size, 0);
});

test('its silence grows when the server cannot be reached', async () => {
  await using world = start();
  void world.run();
  await world.clock.advance(3_600_000);
  assert.ok(world.reflector.silence < 90_000);
  world.server.faults.add({ kind: 'reset' }, { times: 1_000_000 });
  await world.clock.advance(3_600_000);
  assert.ok(world.reflector.silence > 3_000_000);
});
