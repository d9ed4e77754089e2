/** Whatever goes wrong in between: every key is reconciled after its last change, by one worker at a time, no deletion is missed, and nothing is remembered in the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from './controller.ts';
import { nullLogger } from '../observe/log.ts';
import { adopt, keyOf } from '../api/objects.ts';
import { Operator } from '../process/operator.ts';
import { pods } from '../api/resource.ts';
import type { Fault } from '../testing/index.ts';
import { below, pick } from '../testing/index.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import { settled, simulate } from '../testing/simulation.ts';

const FAULTS: readonly Fault[] = [
  { kind: 'status', status: 500 }, { kind: 'status', status: 429, retryAfter: 1 }, { kind: 'status', status: 409 }, { kind: 'status', status: 401, reason: 'Unauthorized' }, { kind: 'reset' }, { kind: 'lostAnswer' },
  { kind: 'truncated' }, { kind: 'truncated', events: 2 }, { kind: 'slow', milliseconds: 700 }, { kind: 'silent' }, { kind: 'silent', events: 1 }, { kind: 'closed', events: 0 }, { kind: 'closed', events: 3 },
  { kind: 'expired' },
];

/** A room wants so many chairs (pods): surplus ones are taken away, and status says how many there are. */
async function furnish(context: Context<Room>, chairs: (uid: string) => readonly { metadata: { name?: string } }[]): Promise<void> {
  const { object, write } = context;
  if (object === undefined) return;
  const wanted = object.spec?.chairs ?? 0;
  const have = chairs(object.metadata.uid as string);
  const names = Array.from({ length: wanted }, (_, i) => `${object.metadata.name}-${i}`);
  for (const chair of have) if (!names.includes(chair.metadata.name as string)) await write.delete(pods, chair);
  for (const name of names) {
    if (!have.some((chair) => chair.metadata.name === name)) await write.apply(pods, adopt(object, { metadata: { name }, spec: {} }));
  }
  await write.applyStatus(rooms, object, { chairs: have.length });
}

async function run(seed: number, rate: number): Promise<void> {
  const { clock, random, server, client } = simulate(seed);
  const operator = new Operator(client, { name: 'hotel', leaderElection: false, log: nullLogger });
  const at = (what: string): string => `seed ${seed}: ${what}`;
  // What is thrown in a handler is tried again: so a wrong is written down here.
  const wrongs: string[] = [];
  const working = new Set<string>();
  /** The version that the last reconciliation of a key saw. */
  const saw = new Map<string, string | undefined>();
  // Of every other seed as Protocol Buffers.
  const chairs = operator.informer(pods, { metadataOnly: seed % 2 === 1 });
  const controller = operator.controller<Room>({
    resource: rooms,
    async reconcile(key, context) {
      if (working.has(key)) wrongs.push(`two workers on ${key}`);
      working.add(key);
      try {
        saw.set(key, context.object?.metadata.resourceVersion);
        if (random() < 0.3) await new Promise<void>((resolve) => { clock.after(below(random, 3000), resolve); });
        await furnish(context, (uid) => chairs.store.ownedBy(uid));
        if (random() < 0.05) throw new Error('A bug in a handler');
      } finally {
        working.delete(key);
      }
    },
  });
  controller.owns(chairs);
  const cache = operator.informer(rooms).store;
  const alive = new Set<string>();
  cache.subscribe((change) => {
    const uid = change.object.metadata.uid as string;
    if (change.type === 'added') {
      if (alive.has(uid)) wrongs.push('an object was added twice');
      alive.add(uid);
    } else if (change.type === 'deleted') {
      if (!alive.delete(uid)) wrongs.push('an object was deleted twice, or before it was there');
    }
  });

  const names = ['a', 'b', 'c', 'd'];
  for (const name of names.slice(0, 2)) server.create(rooms, room(name, { chairs: below(random, 3) }));
  server.faults.chaos(random, rate, FAULTS);
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  const change = (): void => {
    const key = `default/${pick(random, names)}`;
    const there = server.find(rooms, key);
    const dice = random();
    if (there === undefined) server.create(rooms, room(key.slice(8), { chairs: below(random, 4) }));
    else if (dice < 0.5) server.patch(rooms, key, { spec: { chairs: below(random, 4) } });
    else if (dice < 0.7) server.delete(rooms, key);
    else {
      const [chair] = server.list(pods);
      if (chair !== undefined) server.delete(pods, keyOf(chair));
    }
  };
  for (let i = 0; i < 30; i++) {
    change();
    if (random() < 0.1) {
      // The server is away for a while, and much happens unseen.
      server.faults.add({ kind: 'reset' }, { times: below(random, 10) });
      server.dropWatches();
      for (let unseen = below(random, 5); unseen > 0; unseen--) change();
      server.compact();
    }
    await clock.advance(below(random, 8000));
  }
  server.faults.clear();
  await clock.advance(3_600_000);

  assert.deepEqual(wrongs, [], at('something went wrong on the way'));
  for (const there of server.list(rooms)) {
    assert.equal(saw.get(keyOf(there)), there.metadata.resourceVersion, at(`${keyOf(there)} was not reconciled after its last change`));
    assert.equal(there.status?.chairs, there.spec?.chairs, at('status does not say what is there'));
    const owned = server.list(pods).filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === there.metadata.uid);
    assert.equal(owned.length, there.spec?.chairs, at(`${keyOf(there)} has other chairs than it wants`));
  }
  for (const [key, version] of saw) if (server.find(rooms, key) === undefined) assert.equal(version, undefined, at(`${key} was not reconciled after it was deleted`));
  assert.deepEqual([...cache.values()].map(({ metadata }) => metadata.uid).sort(), server.list(rooms).map(({ metadata }) => metadata.uid).sort(), at('the cache differs from the server'));
  assert.deepEqual([...alive].sort(), server.list(rooms).map(({ metadata }) => metadata.uid).sort(), at('a deletion was missed'));
  assert.deepEqual([...chairs.store.keys()].sort(), server.list(pods).map(keyOf).sort());

  for (const there of server.list(rooms)) server.delete(rooms, keyOf(there));
  await clock.advance(3_600_000);
  const remembered = {
    controller: controller.remembered, rooms: cache.size, chairs: chairs.store.size, owners: chairs.store.indexSize('owner'), events: operator.events.remembered, alive: alive.size,
  };
  assert.deepEqual(remembered, { controller: 0, rooms: 0, chairs: 0, owners: 0, events: 0, alive: 0 }, at('something is remembered'));
  // Per watch: inactivity here, bookmark and end at the server; and the resync.
  assert.ok(clock.pending <= 2 * 3 + 1, at(`${clock.pending} timers wait`));
  stop.abort();
  await settled(clock, ended);
  assert.equal(clock.pending, 0, at('a timer is left behind'));
}

const SEEDS = Number(process.env.KOPF_SEEDS ?? 8);
for (const rate of [0, 0.1, 0.3]) {
  test(`${SEEDS} seeds, a fault in ${rate * 100} % of the requests`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await run(seed * 1000 + rate * 10, rate);
  });
}
