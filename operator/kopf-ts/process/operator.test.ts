import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotLeaderError } from '../api/errors.ts';
import { events } from './events.ts';
import { leases } from './lease.ts';
import { nullLogger } from '../observe/log.ts';
import { adopt } from '../api/objects.ts';
import { Operator } from './operator.ts';
import { configMaps, pods } from '../api/resource.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import { settled, simulate } from '../testing/simulation.ts';

const ONE = { name: 'hotel', leaderElection: false, log: nullLogger } as const;

/** Real HTTP in simulated time: turns of the event loop until the answer is there. */
async function get(port: number | undefined, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

const eventually = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => { setTimeout(resolve, 5); });
};

test('children wake the parent that controls them, others wake whom the map names', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, ONE);
  const did: string[] = [];
  operator.controller<Room>({ resource: rooms, owns: [pods], reconcile: async (key) => { did.push(key); } })
    .watches(operator.informer(configMaps), ({ metadata }) => (metadata.labels?.room === undefined ? [] : [`default/${metadata.labels.room}`]));
  const a = server.create(rooms, room('a'));
  server.create(rooms, room('b'));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(1000);
  assert.deepEqual(did.splice(0).sort(), ['default/a', 'default/b']);

  server.create(pods, adopt(a, { metadata: { name: 'chair', namespace: 'default' } }));
  await clock.advance(1000);
  assert.deepEqual(did.splice(0), ['default/a']);
  server.create(pods, { metadata: { name: 'stranger', namespace: 'default', ownerReferences: [{ apiVersion: 'other.dev/v1', kind: 'Room', name: 'b', uid: a.metadata.uid as string, controller: true }] } });
  server.create(configMaps, { metadata: { name: 'c', namespace: 'default', labels: { room: 'b' } } });
  await clock.advance(1000);
  assert.deepEqual(did.splice(0), ['default/b'], 'of another group, a kind is another kind');
  server.patch(configMaps, 'default/c', { metadata: { labels: { room: 'a' } } });
  await clock.advance(1000);
  assert.deepEqual(did.splice(0).sort(), ['default/a', 'default/b'], 'the one that is no longer named must know, too');
  stop.abort();
  await settled(clock, ended);
});

test('a write that was refused because the lease was renewed late is made when it is', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, ONE);
  let refused = 0;
  const did: string[] = [];
  operator.controller<Room>({
    resource: rooms,
    async reconcile(key) {
      refused += 1;
      if (refused <= 3) throw new NotLeaderError('Cannot write: the lease is not renewed');
      did.push(key);
    },
  });
  server.create(rooms, room('a'));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(10_000);
  assert.deepEqual(did, ['default/a']);
  stop.abort();
  await settled(clock, ended);
});

test('what needs no other cache is reconciled before those are filled, the rest when they are', async () => {
  for (const ends of [false, true]) {
    const { clock, server, client } = simulate();
    server.faults.add({ kind: 'status', status: 500 }, { when: ({ verb, resource }) => verb === 'list' && resource === 'pods', times: ends ? 10 : 1000 });
    const operator = new Operator(client, ONE);
    const did: string[] = [];
    operator.controller<Room>({ resource: rooms, owns: [pods], concurrency: 2, early: ({ spec }) => spec?.chairs === 7, reconcile: async (key) => { did.push(key); } });
    server.create(rooms, room('early', { chairs: 7 }));
    for (const name of ['a', 'b', 'c']) server.create(rooms, room(name, { chairs: 1 }));
    const stop = new AbortController();
    const ended = operator.run(stop.signal);
    await clock.advance(1000);
    assert.deepEqual(did, ['default/early']);
    if (ends) {
      await clock.advance(60_000);
      assert.deepEqual(did.sort(), ['default/a', 'default/b', 'default/c', 'default/early']);
    }
    stop.abort();
    await settled(clock, ended);
    if (!ends) assert.deepEqual(did, ['default/early'], 'an end is no cause to go on without caches');
  }
});

test('a key is not reconciled on a picture from before its own writes', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, ONE);
  const chairs = operator.informer(pods);
  let creations = 0;
  operator.controller<Room>({
    resource: rooms, owns: [pods],
    async reconcile(_key, { object, write }) {
      if (object === undefined || chairs.store.ownedBy(object.metadata.uid as string).length > 0) return;
      creations += 1;
      await write.create(pods, adopt(object, { metadata: { generateName: 'chair-', name: `chair-${creations}` } }));
    },
  });
  server.create(rooms, room('a'));
  // The watch of pods lags by two seconds, while the room goes on changing.
  server.faults.add({ kind: 'slow', milliseconds: 700 }, { when: ({ verb, resource }) => verb === 'watch' && resource === 'pods', times: 100 });
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(100);
  for (let i = 0; i < 20; i++) {
    server.patch(rooms, 'default/a', { spec: { chairs: i } });
    await clock.advance(100);
  }
  await clock.advance(60_000);
  assert.equal(creations, 1);
  assert.equal(server.list(pods).length, 1);
  stop.abort();
  await settled(clock, ended);
});

test('a stop lets reconciliations finish, writes events and releases the lease', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, { name: 'hotel', log: nullLogger, leaderElection: { namespace: 'default' } });
  const did: string[] = [];
  operator.controller<Room>({
    resource: rooms,
    async reconcile(key, { write, object }) {
      if (object === undefined) return;
      did.push(`begin ${key}`);
      operator.events.record(object, { reason: 'Began', note: 'x' });
      await new Promise<void>((resolve) => { clock.after(20_000, resolve); });
      await write.applyStatus(rooms, object, { chairs: 1 });
      did.push(`end ${key}`);
    },
  });
  server.create(rooms, room('a'));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.until(() => did.length === 1);
  assert.equal(operator.leads, true);
  stop.abort();
  await clock.advance(1000);
  server.create(rooms, room('late'));
  await settled(clock, ended);
  assert.deepEqual(did, ['begin default/a', 'end default/a']);
  assert.equal(server.find(rooms, 'default/a')?.status?.chairs, 1);
  assert.equal(server.list(events).length, 1);
  assert.equal(server.find(leases, 'default/hotel')?.spec?.holderIdentity, '');
  assert.equal(operator.leads, false);
  assert.equal(clock.pending, 0);
});

test('a reconciliation that does not end is aborted after the grace period, and not waited for for ever', async () => {
  for (const heeds of [true, false]) {
    const { clock, server, client } = simulate();
    const operator = new Operator(client, { ...ONE, gracePeriod: 10_000 });
    let aborted = false;
    operator.controller<Room>({
      resource: rooms,
      reconcile: (_key, { signal }) => new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          if (heeds) reject(signal.reason as Error);
        });
      }),
    });
    server.create(rooms, room('a'));
    const stop = new AbortController();
    const ended = operator.run(stop.signal);
    await clock.advance(5000);
    stop.abort();
    const asked = clock.monotonic();
    await settled(clock, ended);
    assert.ok(aborted);
    assert.equal(clock.monotonic() - asked, heeds ? 10_000 : 15_000);
  }
});

test('who loses the lease ends with an error, and has written nothing since', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, { name: 'hotel', log: nullLogger, leaderElection: { namespace: 'default' } });
  let refused: unknown;
  operator.controller<Room>({
    resource: rooms,
    async reconcile(_key, { write, object }) {
      if (object === undefined) return;
      await new Promise<void>((resolve) => { clock.after(60_000, resolve); });
      await write.applyStatus(rooms, object, { chairs: 1 }).catch((error: unknown) => { refused = error; });
    },
  });
  server.create(rooms, room('a'));
  const outcome = operator.run(new AbortController().signal).catch((error: unknown) => error);
  await clock.advance(10_000);
  server.faults.add({ kind: 'status', status: 500 }, { when: ({ resource }) => resource.startsWith('leases'), times: 1000 });
  assert.ok(await settled(clock, outcome) instanceof NotLeaderError);
  await clock.advance(120_000);
  assert.ok(refused instanceof Error);
  assert.equal(server.find(rooms, 'default/a')?.status, undefined);
});

test('a replica that waits for its turn has warm caches and is ready; a stop ends it', async () => {
  const { clock, server, client } = simulate();
  server.create(leases, { metadata: { name: 'hotel', namespace: 'default' }, spec: { holderIdentity: 'another', leaseDurationSeconds: 3600, renewTime: '2030-01-01T00:00:00.000000Z' } } as never);
  server.create(rooms, room('a'));
  const operator = new Operator(client, { name: 'hotel', log: nullLogger, leaderElection: { namespace: 'default' }, http: { port: 0, host: '127.0.0.1' } });
  let reconciled = 0;
  operator.controller<Room>({ resource: rooms, reconcile: async () => { reconciled += 1; } });
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await eventually(() => operator.port !== undefined);
  await clock.advance(10_000);
  assert.equal(operator.informer(rooms).store.size, 1);
  assert.equal(reconciled, 0);
  assert.deepEqual(await get(operator.port, '/readyz'), { status: 200, text: 'ok\n' });
  assert.match((await get(operator.port, '/metrics')).text, /leader_election_master_status\{name="hotel"\} 0/);
  stop.abort();
  await settled(clock, ended);
});

test('probes and metrics tell how it is', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, { ...ONE, http: { port: 0, host: '127.0.0.1' }, staleAfter: 600_000 });
  operator.controller<Room>({ name: 'room', resource: rooms, reconcile: async (key) => { if (key.endsWith('bad')) throw new Error('x'); } });
  server.faults.add({ kind: 'status', status: 500 }, { times: 3 });
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await eventually(() => operator.port !== undefined);
  assert.deepEqual(await get(operator.port, '/readyz'), { status: 503, text: 'Not yet listed: rooms.kopf-ts.dev\n' });
  server.create(rooms, room('good'));
  server.create(rooms, room('bad'));
  await clock.advance(60_000);
  assert.equal((await get(operator.port, '/readyz')).status, 200);
  assert.equal((await get(operator.port, '/healthz')).status, 200);
  assert.equal((await get(operator.port, '/nothing')).status, 404);
  const { text } = await get(operator.port, '/metrics');
  assert.match(text, /controller_runtime_reconcile_total\{controller="room",result="success"\} 1\n/);
  assert.match(text, /controller_runtime_reconcile_total\{controller="room",result="error"\} [1-9]/);
  assert.match(text, /controller_runtime_reconcile_time_seconds_bucket\{controller="room",le="\+Inf"\} [1-9]/);
  assert.match(text, /workqueue_depth\{controller="room",name="room"\} 0\n/);
  assert.match(text, /workqueue_retries_total\{controller="room",name="room"\} [1-9]/);
  assert.match(text, /rest_client_requests_total\{code="200",host="fake",method="GET"\} [1-9]/);
  assert.match(text, /rest_client_requests_total\{code="500",host="fake",method="GET"\} 3\n/);
  assert.match(text, /leader_election_master_status\{name="hotel"\} 1\n/);
  assert.match(text, /nodejs_eventloop_lag_p99_seconds \d/);

  server.faults.add({ kind: 'reset' }, { times: 100_000 });
  await clock.advance(1_200_000);
  const sick = await get(operator.port, '/healthz');
  assert.equal(sick.status, 503);
  assert.match(sick.text, /No word of the API server for 600 s about rooms/);
  stop.abort();
  await settled(clock, ended);
});

test('it looks only into the namespaces that it is given, with one watch for each', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, { ...ONE, namespaces: ['default', 'other'] });
  const did: string[] = [];
  operator.controller<Room>({ resource: rooms, reconcile: async (key) => { did.push(key); } });
  for (const namespace of ['default', 'other', 'secret']) server.create(rooms, room('a', {}, { namespace }));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(1000);
  assert.deepEqual(did.sort(), ['default/a', 'other/a']);
  assert.equal(server.requests.get('watch rooms.kopf-ts.dev'), 2);
  server.compact();
  server.faults.add({ kind: 'expired' }, { when: ({ verb }) => verb === 'watch', times: 2 });
  await clock.advance(600_000);
  assert.equal(operator.informer(rooms).store.size, 2, 'a new list of one namespace leaves the other alone');
  stop.abort();
  await settled(clock, ended);
});

test('everything is looked at again every ten hours', async () => {
  const { clock, server, client } = simulate();
  const operator = new Operator(client, ONE);
  let reconciled = 0;
  operator.controller<Room>({ resource: rooms, reconcile: async () => { reconciled += 1; } });
  server.create(rooms, room('a'));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(35_000_000);
  assert.equal(reconciled, 1);
  await clock.advance(5_000_000);
  assert.equal(reconciled, 2);
  stop.abort();
  await settled(clock, ended);
});
