import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../api/client.ts';
import { NotLeaderError } from '../api/errors.ts';
import { LeaderLease, leases } from './lease.ts';
import type { LeaseOptions } from './lease.ts';
import { nullLogger } from '../observe/log.ts';
import { Freezer, below, inProcess, pick, seeded } from '../testing/index.ts';
import type { FakeApiServer, FakeClock } from '../testing/index.ts';
import { room, rooms } from '../testing/rooms.ts';
import { settled, simulate } from '../testing/simulation.ts';

/** One process that wants to lead: with a clock and a network that can be frozen, and a guarded client. */
function replica(identity: string, { server, clock, seed = 1 }: { server: FakeApiServer; clock: FakeClock; seed?: number }, options: Partial<LeaseOptions> = {}) {
  const freezer = new Freezer();
  const client = new Client(freezer.transport(inProcess(server)), { clock: freezer.clock(clock), random: seeded(seed) });
  const lease = new LeaderLease({ client, namespace: 'default', name: 'hotel', identity, log: nullLogger, ...options });
  const stop = new AbortController();
  let state = 'waiting';
  const run = async (): Promise<void> => {
    try {
      await lease.acquire(stop.signal);
      state = 'leading';
      state = await lease.hold(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      state = 'stopped';
    }
  };
  return { freezer, lease, client: client.with({ guard: lease.guard, fieldManager: identity }), stop, run, get state() { return state; } };
}

const holder = (server: FakeApiServer): string | undefined => server.find(leases, 'default/hotel')?.spec?.holderIdentity;

test('the first one leads, the second waits; after a release the second leads within a few seconds', async () => {
  const world = simulate();
  const [a, b] = [replica('a', world), replica('b', world)];
  void a.run();
  await world.clock.until(() => a.state === 'leading');
  void b.run();
  await world.clock.advance(3_600_000);
  assert.deepEqual([a.state, b.state, holder(world.server)], ['leading', 'waiting', 'a']);
  a.stop.abort();
  await world.clock.settle();
  assert.equal(a.state, 'stopped');
  assert.equal(holder(world.server), '');
  const released = world.clock.monotonic();
  await world.clock.until(() => b.state === 'leading');
  assert.ok(world.clock.monotonic() - released <= 2400);
  assert.equal(world.server.find(leases, 'default/hotel')?.spec?.leaseTransitions, 1);
});

test('a leader that dies is followed when its lease is over, not before', async () => {
  const world = simulate();
  const [a, b] = [replica('a', world), replica('b', world)];
  void a.run();
  await world.clock.until(() => a.state === 'leading');
  void b.run();
  await world.clock.advance(10_000);
  a.freezer.freeze();
  const died = world.clock.monotonic();
  await world.clock.until(() => b.state === 'leading');
  const took = world.clock.monotonic() - died;
  assert.ok(took > 12_000 && took < 20_000, `${took} ms`);
});

test('a frozen leader writes nothing after it is thawed', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = simulate(seed);
    const [a, b] = [replica('a', { ...world, seed }), replica('b', { ...world, seed: seed + 1 })];
    void a.run();
    await world.clock.until(() => a.state === 'leading');
    void b.run();
    await a.client.apply(rooms, room('red', { colour: 'a' }));
    await world.clock.advance(below(world.random, 30_000));
    a.freezer.freeze();
    const refused = (async () => {
      // It is in the middle of a loop of writes.
      for (let i = 0; ; i++) await a.client.apply(rooms, room('red', { colour: 'a', chairs: i }));
    })();
    const outcome = refused.catch((error: unknown) => error);
    await world.clock.until(() => b.state === 'leading');
    await b.client.apply(rooms, room('red', { colour: 'b' }));
    a.freezer.thaw();
    assert.ok(await settled(world.clock, outcome) instanceof NotLeaderError);
    await world.clock.settle();
    await world.clock.advance(3000);
    assert.equal(a.state, 'lost');
    assert.equal(world.server.find(rooms, 'default/red')?.spec?.colour, 'b', `seed ${seed}`);
  }
});

test('for 40 seeds of outages and frozen processes, two never hold the lease at once, and somebody leads when it is over', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = simulate(seed);
    const replicas = ['a', 'b', 'c'].map((identity, i) => replica(identity, { ...world, seed: seed * 10 + i }));
    for (const each of replicas) void each.run();
    world.server.faults.chaos(world.random, 0.4, [{ kind: 'status', status: 500 }, { kind: 'reset' }, { kind: 'lostAnswer' }, { kind: 'silent' }, { kind: 'truncated' }, { kind: 'slow', milliseconds: 900 }]);
    for (let i = 0; i < 200; i++) {
      await world.clock.advance(below(world.random, 1000));
      if (world.random() < 0.05) pick(world.random, replicas).freezer.freeze();
      if (world.random() < 0.05) pick(world.random, replicas).freezer.thaw();
      const held = replicas.filter(({ lease }) => lease.held);
      assert.ok(held.length <= 1, `seed ${seed}: ${held.length} replicas hold the lease`);
    }
    world.server.faults.clear();
    for (const { freezer } of replicas) freezer.thaw();
    await world.clock.settle();
    // Those who lost it end; their pods are started again.
    replicas.filter(({ state }) => state === 'lost').forEach((_, i) => {
      const again = replica(`again-${i}`, { ...world, seed: seed * 10 + 5 + i });
      replicas.push(again);
      void again.run();
    });
    await world.clock.advance(60_000);
    assert.equal(replicas.filter(({ lease }) => lease.held).length, 1, `seed ${seed}`);
    for (const each of replicas) each.stop.abort();
    await world.clock.settle();
  }
});

test('a leader that cannot renew stops writing five seconds before another one may', async () => {
  const world = simulate();
  const a = replica('a', world);
  void a.run();
  await world.clock.until(() => a.state === 'leading');
  await world.clock.advance(20_000);
  world.server.faults.add({ kind: 'status', status: 500 }, { times: 1000, when: ({ resource }) => resource.startsWith('leases') });
  const before = world.clock.monotonic();
  await world.clock.until(() => a.state === 'lost');
  assert.ok(world.clock.monotonic() - before <= 10_500);
  await assert.rejects(a.client.apply(rooms, room('red')), NotLeaderError);
});

test('a renewal that was on its way when it was told to stop does not keep the lease from being released', async () => {
  const world = simulate();
  const a = replica('a', world);
  void a.run();
  await world.clock.until(() => a.state === 'leading');
  world.server.faults.add({ kind: 'silent' }, { when: ({ verb }) => verb === 'replace' });
  await world.clock.advance(2500);
  a.stop.abort();
  await world.clock.until(() => a.state === 'stopped');
  assert.equal(holder(world.server), '');
});

test('a clock that is set back does not prolong the lease', async () => {
  const world = simulate();
  let back = 0;
  const clock = { now: () => world.clock.now() - back, monotonic: () => world.clock.monotonic(), after: world.clock.after.bind(world.clock) };
  const lease = new LeaderLease({ client: new Client(inProcess(world.server), { clock, random: seeded(1) }), namespace: 'default', name: 'hotel', identity: 'a', log: nullLogger });
  await lease.acquire(new AbortController().signal);
  back = 3_600_000;
  await world.clock.advance(9000);
  assert.ok(lease.held);
  await world.clock.advance(2000);
  assert.ok(!lease.held);
});

test('times that make no sense are refused', () => {
  const { client } = simulate();
  assert.throws(() => new LeaderLease({ client, namespace: 'n', name: 'l', identity: 'i', log: nullLogger, duration: 5000 }), /Make each longer than the next/);
});
