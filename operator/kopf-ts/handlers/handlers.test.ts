import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events } from '../process/events.ts';
import { PermanentError, TemporaryError } from '../control/handler-errors.ts';
import { handlers } from './handlers.ts';
import type { Handlers } from './handlers.ts';
import { nullLogger } from '../observe/log.ts';
import { Operator } from '../process/operator.ts';
import { configMaps } from '../api/resource.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import { settled, simulate } from '../testing/simulation.ts';

type World = ReturnType<typeof simulate>;

/** Runs an operator with these handlers on a server; what they did is in `did`. */
function start(register: (on: Handlers<Room>, did: string[]) => void, world: World = simulate()) {
  const operator = new Operator(world.client, { name: 'hotel', leaderElection: false, log: nullLogger });
  const did: string[] = [];
  const on = handlers(operator, rooms);
  register(on, did);
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  return {
    ...world, on, did, reasons: () => world.server.list(events).map(({ reason }) => reason),
    stop: async () => {
      stop.abort();
      await settled(world.clock, ended);
      assert.equal(world.clock.pending, 0, 'a timer is left behind');
    },
  };
}

test('create, update and field handlers run once for each change, resume after a restart', async () => {
  const register = (on: Handlers<Room>, did: string[]): void => {
    on.create(async ({ object }) => did.push(`create ${object.metadata.name}`))
      .update(async ({ object, before }) => did.push(`update ${before?.spec?.chairs} -> ${object.spec?.chairs}`))
      .field('spec.colour', async ({ was, is }) => did.push(`colour ${String(was)} -> ${String(is)}`))
      .resume(async ({ object }) => did.push(`resume ${object.metadata.name}`));
  };
  const first = start(register);
  first.server.create(rooms, room('a', { chairs: 1, colour: 'red' }));
  await first.clock.advance(60_000);
  first.server.patch(rooms, 'default/a', { spec: { chairs: 2 } });
  await first.clock.advance(60_000);
  first.server.patch(rooms, 'default/a', { spec: { colour: 'blue' } });
  await first.clock.advance(60_000);
  first.server.patch(rooms, 'default/a', { metadata: { labels: { floor: '1' } } });
  await first.clock.advance(60_000);
  assert.deepEqual(first.did, ['create a', 'colour undefined -> red', 'update 1 -> 2', 'update 2 -> 2', 'colour red -> blue']);
  assert.equal(first.server.find(rooms, 'default/a')?.status?.observedGeneration, 3);
  await first.stop();

  const second = start(register, first);
  await second.clock.advance(60_000);
  assert.deepEqual(second.did, ['resume a']);
  await second.stop();

  first.server.patch(rooms, 'default/a', { spec: { chairs: 3 } });
  const third = start(register, first);
  await third.clock.advance(60_000);
  assert.deepEqual(third.did, ['update undefined -> 3', 'colour undefined -> blue']);
  await third.stop();
});

test('a temporary error comes again after its delay, without the handlers that succeeded', async () => {
  const { clock, did, stop, server } = start((on, log) => {
    on.create(async () => log.push('walls')).create(async ({ retry, clock: at }) => {
      log.push(`paint ${retry} at ${Math.round(at.monotonic() / 1000)}`);
      if (retry < 2) throw new TemporaryError('The paint is wet', { delay: 7000 });
    });
  });
  server.create(rooms, room('a'));
  await clock.advance(60_000);
  assert.deepEqual(did, ['walls', 'paint 0 at 0', 'paint 1 at 7', 'paint 2 at 14']);
  await stop();
});

test('any other error comes again later and later, and is told by an event', async () => {
  const { clock, did, stop, server, reasons } = start((on, log) => {
    on.create(async ({ retry }) => {
      log.push(`try ${retry}`);
      if (retry < 3) throw new Error('no ladder');
    });
  });
  server.create(rooms, room('a'));
  await clock.advance(60_000);
  assert.deepEqual(did, ['try 0', 'try 1', 'try 2', 'try 3']);
  assert.deepEqual(reasons(), ['TemporaryError']);
  assert.equal(server.find(rooms, 'default/a')?.status?.observedGeneration, 1);
  await stop();
});

test('a permanent error, too many tries or too long a time end it, until the object changes', async () => {
  for (const [name, options, error] of [
    ['permanent', {}, () => new PermanentError('no such colour')], ['retries', { retries: 3 }, () => new Error('x')], ['timeout', { timeout: 10_000 }, () => new Error('x')],
  ] as const) {
    const { clock, did, stop, server, reasons } = start((on, log) => {
      on.create(async () => {
        log.push('create');
        throw error();
      }, options).update(async () => log.push('update'));
    });
    server.create(rooms, room('a'));
    await clock.advance(3_600_000);
    const tries = did.length;
    assert.ok(name === 'permanent' ? tries === 1 : name === 'retries' ? tries === 3 : tries > 2 && tries < 8, `${name}: ${tries} tries`);
    assert.ok(reasons().includes('HandlerFailed'));
    server.patch(rooms, 'default/a', { spec: { chairs: 5 } });
    await clock.advance(60_000);
    assert.equal(did.at(-1), 'update', name);
    await stop();
  }
});

test('a finalizer holds the object until it is cleaned up; nothing is left on it or remembered', async () => {
  const finalizer = 'kopf-ts.dev/cleanup';
  const { clock, did, stop, server, on } = start((handlers, log) => {
    handlers.create(async () => log.push('create')).delete(async ({ retry }) => {
      log.push(`clean up ${retry}`);
      if (retry === 0) throw new TemporaryError('busy', { delay: 5000 });
    }, { finalizer });
  });
  server.create(rooms, room('a', {}, { finalizers: ['somebody.else/too'] }));
  await clock.advance(10_000);
  assert.deepEqual(server.find(rooms, 'default/a')?.metadata.finalizers, ['somebody.else/too', finalizer]);
  server.delete(rooms, 'default/a');
  await clock.advance(1000);
  assert.ok(server.find(rooms, 'default/a')?.metadata.finalizers?.includes(finalizer));
  await clock.advance(60_000);
  assert.deepEqual(did, ['create', 'clean up 0', 'clean up 1']);
  assert.deepEqual(server.find(rooms, 'default/a')?.metadata.finalizers, ['somebody.else/too']);
  server.patch(rooms, 'default/a', { metadata: { finalizers: [] } });
  await clock.advance(1000);
  assert.equal(server.find(rooms, 'default/a'), undefined);
  assert.equal(on.remembered, 0);
  await stop();
});

test('an object that cannot be cleaned up is let go after some time, with an event', async () => {
  const { clock, stop, server, reasons } = start((on) => {
    on.delete(async () => { throw new Error('the cloud is gone'); }, { finalizer: 'kopf-ts.dev/cleanup', giveUpAfter: 300_000 });
  });
  server.create(rooms, room('a'));
  await clock.advance(10_000);
  server.delete(rooms, 'default/a');
  await clock.advance(290_000);
  assert.notEqual(server.find(rooms, 'default/a'), undefined);
  await clock.advance(1_000_000);
  assert.equal(server.find(rooms, 'default/a'), undefined);
  assert.ok(reasons().includes('CleanupGaveUp'));
  await stop();
});

test('no finalizer is set by anything but delete handlers that ask for one', async () => {
  const { clock, did, stop, server, on } = start((handlers, log) => {
    handlers.create(async () => undefined).timer({ every: 1000 }, async () => undefined).daemon(async () => undefined).delete(async ({ object }) => log.push(`gone ${object.spec?.colour}`));
  });
  server.create(rooms, room('a', { colour: 'red' }));
  await clock.advance(10_000);
  assert.equal(server.find(rooms, 'default/a')?.metadata.finalizers, undefined);
  server.delete(rooms, 'default/a');
  await clock.advance(10_000);
  assert.deepEqual(did, ['gone red'], 'the last state is still known');
  assert.equal(on.remembered, 0);
  await stop();
});

test('a new object under an old name comes after the end of the old one', async () => {
  const { clock, did, stop, server } = start((on, log) => {
    on.create(async ({ object }) => log.push(`create ${object.spec?.colour}`)).delete(async ({ object }) => log.push(`delete ${object.spec?.colour}`));
  });
  server.create(rooms, room('a', { colour: 'red' }));
  await clock.advance(10_000);
  server.delete(rooms, 'default/a');
  server.create(rooms, room('a', { colour: 'blue' }));
  await clock.advance(10_000);
  assert.deepEqual(did, ['create red', 'delete red', 'create blue']);
  await stop();
});

test('a timer runs every so often, waits for an idle object, and ends with it', async () => {
  const { clock, did, stop, server } = start((on, log) => {
    on.timer({ every: 60_000, initialDelay: 5000, id: 'dust' }, async ({ clock: at }) => log.push(`dust ${Math.round(at.monotonic() / 1000)}`))
      .timer({ every: 600_000, idle: 100_000, id: 'air' }, async ({ clock: at }) => log.push(`air ${Math.round(at.monotonic() / 1000)}`));
  });
  server.create(rooms, room('a'));
  await clock.advance(50_000);
  server.patch(rooms, 'default/a', { spec: { chairs: 2 } });
  await clock.advance(150_000);
  assert.deepEqual(did, ['dust 5', 'dust 65', 'dust 125', 'air 150', 'dust 185']);
  server.delete(rooms, 'default/a');
  await clock.advance(3_600_000);
  assert.equal(did.length, 5);
  await stop();
});

test('a timer that fails comes again when it says, and does not stop the others', async () => {
  const { clock, did, stop, server } = start((on, log) => {
    on.timer({ every: 60_000 }, async ({ retry }) => {
      log.push(`a${retry}`);
      if (retry === 0) throw new TemporaryError('not now', { delay: 10_000 });
    }).timer({ every: 60_000 }, async () => log.push('b'));
  });
  server.create(rooms, room('x'));
  await clock.advance(30_000);
  assert.deepEqual(did, ['a0', 'b', 'a1']);
  await stop();
});

test('a daemon runs as long as its object, is started again when it throws, and ends with the operator', async () => {
  const { clock, did, stop, server } = start((on, log) => {
    let starts = 0;
    on.daemon(async ({ object, signal }) => {
      log.push(`start ${object.metadata.name}`);
      if (++starts === 1) throw new Error('once');
      await new Promise<void>((resolve) => { signal.addEventListener('abort', () => { resolve(); }, { once: true }); });
      log.push(`end ${object.metadata.name}`);
    });
  });
  server.create(rooms, room('a'));
  await clock.advance(20_000);
  server.create(rooms, room('b'));
  await clock.advance(20_000);
  server.delete(rooms, 'default/a');
  await clock.advance(20_000);
  assert.deepEqual(did, ['start a', 'start a', 'start b', 'end a']);
  await stop();
  assert.deepEqual(did.at(-1), 'end b');
});

test('events are seen by all who look on; indices find objects', async () => {
  const { clock, did, stop, server, on } = start((handlers, log) => {
    handlers.event(({ type, object }) => { log.push(`${type} ${object.metadata.name}`); }).index('colour', ({ spec }) => (spec?.colour === undefined ? [] : [spec.colour]));
  });
  server.create(rooms, room('a', { colour: 'red' }));
  await clock.advance(1000);
  server.patch(rooms, 'default/a', { spec: { colour: 'blue' } });
  await clock.advance(1000);
  assert.deepEqual(on.informer.store.by('colour', 'blue').map(({ metadata }) => metadata.name), ['a']);
  server.delete(rooms, 'default/a');
  await clock.advance(1000);
  assert.deepEqual(did, ['added a', 'updated a', 'deleted a']);
  await stop();
});

test('objects without a generation are resumed when first seen and updated when they change', async () => {
  const world = simulate();
  const operator = new Operator(world.client, { name: 'hotel', leaderElection: false, log: nullLogger });
  const did: string[] = [];
  handlers(operator, configMaps, {}).resume(async () => did.push('resume')).update(async () => did.push('update'));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  const without = { ...world.server.create(configMaps, { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } } as never) };
  world.server.database.put(configMaps, { ...without, metadata: { ...without.metadata, generation: undefined as never } }, new Map());
  await world.clock.advance(1000);
  world.server.database.put(configMaps, { ...without, data: { x: '2' }, metadata: { ...without.metadata, generation: undefined as never } }, new Map());
  await world.clock.advance(1000);
  assert.equal(did.at(-1), 'update');
  stop.abort();
  await settled(world.clock, ended);
});

test('a handler may change its object: it has a copy', async () => {
  const { clock, stop, server, on } = start((handlers) => {
    handlers.create(async ({ object }) => { (object.spec as { chairs: number }).chairs = 99; });
  });
  server.create(rooms, room('a', { chairs: 1 }));
  await clock.advance(1000);
  assert.equal(on.informer.store.get('default/a')?.spec?.chairs, 1);
  await stop();
});
