import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './client.ts';
import { ConnectionError, isExpired } from './errors.ts';
import { FakeApiServer, FakeClock, inProcess, seeded } from '../testing/index.ts';
import { room, rooms } from '../testing/rooms.ts';

function start() {
  const clock = new FakeClock();
  const server = new FakeApiServer({ resources: [rooms], clock, random: seeded(1) });
  const client = new Client(inProcess(server), { clock, random: seeded(2) });
  return { clock, server, client };
}

/** Reads a watch into a list until it ends. */
function collect(client: Client, options: Partial<Parameters<Client['watch']>[1]> & { resourceVersion: string }) {
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of client.watch(rooms, options)) seen.push(`${event.type} ${event.object.metadata.name ?? event.object.metadata.resourceVersion}`);
  })();
  done.catch(() => undefined);
  return { seen, done };
}

test('changes come in order, from a version on, with bookmarks, until the time is up', async () => {
  const { clock, server, client } = start();
  const { metadata: { resourceVersion } } = server.create(rooms, room('a'));
  server.create(rooms, room('b'));
  const watch = collect(client, { resourceVersion: resourceVersion as string, timeoutSeconds: 100 });
  await clock.settle();
  server.patch(rooms, 'default/a', { spec: { chairs: 5 } });
  server.delete(rooms, 'default/b');
  await clock.advance(101_000);
  await watch.done;
  assert.deepEqual(watch.seen, ['ADDED b', 'MODIFIED a', 'DELETED b', 'BOOKMARK 1004']);
  assert.equal(clock.pending, 0, 'no timer is left behind');
});

test('an object that a selector no longer matches is deleted for the watch', async () => {
  const { clock, server, client } = start();
  server.create(rooms, room('a', {}, { labels: { floor: '1' } }));
  const watch = collect(client, { resourceVersion: '1000', labelSelector: 'floor=1', timeoutSeconds: 10 });
  await clock.settle();
  server.patch(rooms, 'default/a', { metadata: { labels: { floor: '2' } } });
  await clock.advance(11_000);
  await watch.done;
  assert.deepEqual(watch.seen, ['ADDED a', 'DELETED a']);
});

test('a version that is too old is expired', async () => {
  const { clock, server, client } = start();
  server.create(rooms, room('a'));
  server.compact();
  await assert.rejects(collect(client, { resourceVersion: '1000' }).done, isExpired);
  server.faults.add({ kind: 'status', status: 410, reason: 'Expired' });
  await assert.rejects(collect(client, { resourceVersion: '1001' }).done, isExpired, 'the same, when the answer itself says so');
  assert.equal(clock.pending, 0);
});

test('a watch that says nothing is taken for dead', async () => {
  const { clock, server, client } = start();
  server.faults.add({ kind: 'silent' });
  const watch = collect(client, { resourceVersion: '1000', inactivity: 60_000 });
  await clock.advance(59_000);
  server.create(rooms, room('unseen'));
  await clock.advance(2000);
  await assert.rejects(watch.done, (error) => error instanceof ConnectionError && /nothing came for 60 s/.test(error.message));
  assert.deepEqual(watch.seen, []);
});

test('a stream that ends within a line is no proper end', async () => {
  const { server, client } = start();
  server.create(rooms, room('a'));
  server.create(rooms, room('b'));
  server.faults.add({ kind: 'truncated', events: 1 });
  const watch = collect(client, { resourceVersion: '1000' });
  await assert.rejects(watch.done, ConnectionError);
  assert.deepEqual(watch.seen, ['ADDED a']);
});

test('a slow stream is put together again', async () => {
  const { clock, server, client } = start();
  server.create(rooms, room('größe', { colour: 'ü' }, { name: 'a' }));
  server.faults.add({ kind: 'slow', milliseconds: 1000 });
  const watch = collect(client, { resourceVersion: '1000', timeoutSeconds: 20 });
  await clock.advance(30_000);
  await watch.done;
  assert.deepEqual(watch.seen, ['ADDED a']);
});

test('who stops reading leaves nothing behind', async () => {
  const { clock, server, client } = start();
  const controller = new AbortController();
  const watch = collect(client, { resourceVersion: '1000', signal: controller.signal });
  await clock.settle();
  controller.abort(new Error('Enough'));
  await assert.rejects(watch.done, /Enough/);
  server.create(rooms, room('a'));
  for await (const event of client.watch(rooms, { resourceVersion: '1000' })) {
    assert.equal(event.type, 'ADDED');
    break;
  }
  await clock.settle();
  assert.equal(clock.pending, 0);
});
