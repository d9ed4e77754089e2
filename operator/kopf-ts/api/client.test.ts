import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './client.ts';
import type { ClientOptions } from './client.ts';
import { ApiError, ConnectionError, NotLeaderError, isAlreadyExists, isConflict, isExpired, isNotFound } from './errors.ts';
import type { RequestReport } from './request.ts';
import { configMaps, namespaces } from './resource.ts';
import { FakeApiServer, FakeClock, inProcess, seeded } from '../testing/index.ts';
import { room, rooms } from '../testing/rooms.ts';

function start(options: ClientOptions = {}) {
  const clock = new FakeClock();
  const server = new FakeApiServer({ resources: [rooms, configMaps, namespaces], clock, random: seeded(1) });
  const client = new Client(inProcess(server), { clock, random: seeded(2), ...options });
  return { clock, server, client };
}

/** Moves the clock while the promise waits for it. */
async function settled<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let done = false;
  promise.finally(() => { done = true; }).catch(() => undefined);
  await clock.until(() => done);
  return promise;
}

const red = { namespace: 'default', name: 'red' };

test('an object is created, found, replaced, merged and deleted', async () => {
  const { client } = start();
  assert.equal(await client.find(rooms, red), undefined);
  const created = await client.create(rooms, room('red', { chairs: 2 }));
  assert.equal(created.kind, 'Room');
  assert.equal(created.metadata.generation, 1);
  await assert.rejects(client.create(rooms, room('red')), isAlreadyExists);

  const replaced = await client.replace(rooms, { ...created, spec: { chairs: 3 } });
  assert.equal(replaced.metadata.generation, 2);
  await assert.rejects(client.replace(rooms, { ...created, spec: { chairs: 4 } }), isConflict);

  const merged = await client.merge(rooms, red, { metadata: { labels: { floor: '1' } } });
  assert.deepEqual(merged.metadata.labels, { floor: '1' });
  assert.equal(merged.metadata.generation, 2, 'metadata has no generation');

  assert.equal(await client.delete(rooms, red, { uid: 'another' }), false, 'another object of this name is not ours');
  assert.equal(await client.delete(rooms, red, { uid: created.metadata.uid as string }), true);
  assert.equal(await client.delete(rooms, red), false);
  await assert.rejects(client.get(rooms, red), isNotFound);
});

test('errors carry status, reason and the sentence of the server', async () => {
  const { client } = start();
  await assert.rejects(client.get(rooms, red), (error: ApiError) => {
    assert.equal(error.status, 404);
    assert.equal(error.reason, 'NotFound');
    assert.equal(error.sentence, 'rooms.kopf-ts.dev "red" not found');
    assert.equal(error.message, 'Cannot get rooms.kopf-ts.dev "default/red": the API server answers 404 NotFound: rooms.kopf-ts.dev "red" not found');
    return true;
  });
});

test('a namespaced object needs a namespace, others none', async () => {
  const { client } = start();
  await assert.rejects(client.get(rooms, { name: 'red' }), /without a namespace/);
  await client.create(namespaces, { metadata: { name: 'blue' } });
  assert.equal((await client.get(namespaces, { name: 'blue' })).metadata.name, 'blue');
});

test('a list comes in pages of one moment, with kind and apiVersion on each item', async () => {
  const { client, server } = start();
  for (let i = 0; i < 25; i++) server.create(rooms, room(`r${String(i).padStart(2, '0')}`));
  const pages: string[][] = [];
  const versions = new Set<string>();
  for await (const page of client.list(rooms, { limit: 10 })) {
    if (pages.length === 0) server.create(rooms, room('zz-late'));
    pages.push(page.items.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    versions.add(page.resourceVersion);
  }
  assert.deepEqual(pages.map(({ length }) => length), [10, 10, 5]);
  assert.equal(pages[2]?.[4], 'Room r24');
  assert.equal(versions.size, 1);
});

test('pages that took too long are expired', async () => {
  const { client, server } = start();
  for (let i = 0; i < 3; i++) server.create(rooms, room(`r${i}`));
  await assert.rejects(async () => {
    for await (const _ of client.list(rooms, { limit: 2 })) server.compact();
  }, isExpired);
});

test('lists and watches can be narrowed', async () => {
  const { client, server } = start();
  server.create(rooms, room('a', {}, { labels: { floor: '1' } }));
  server.create(rooms, room('b', {}, { labels: { floor: '2' } }));
  server.create(rooms, room('c', {}, { labels: { floor: '1' }, namespace: 'other' }));
  const names = async (selection: Parameters<Client['listAll']>[1]) => (await client.listAll(rooms, selection)).map(({ metadata }) => metadata.name);
  assert.deepEqual(await names({ labelSelector: 'floor in (1)' }), ['a', 'c']);
  assert.deepEqual(await names({ labelSelector: 'floor=1', namespace: 'default' }), ['a']);
  assert.deepEqual(await names({ fieldSelector: 'metadata.name=b' }), ['b']);
});

test('apply owns what it sets: it removes what it no longer sets, and leaves the rest', async () => {
  const { client, server } = start();
  await client.apply(rooms, room('red', { chairs: 2, colour: 'red' }));
  server.patch(rooms, 'default/red', { spec: { tables: 7 } });
  const applied = await client.apply(rooms, room('red', { chairs: 3 }));
  assert.deepEqual(applied.spec, { chairs: 3, tables: 7 });
  const again = await client.apply(rooms, room('red', { chairs: 3 }));
  assert.equal(again.metadata.resourceVersion, applied.metadata.resourceVersion, 'nothing changed, nothing is written');
});

test('apply takes fields from others, unless told not to', async () => {
  const { client } = start();
  await client.apply(rooms, room('red', { chairs: 2 }));
  await assert.rejects(client.apply(rooms, room('red', { chairs: 5 }), { fieldManager: 'somebody', force: false }), isConflict);
  assert.deepEqual((await client.apply(rooms, room('red', { chairs: 5 }), { fieldManager: 'somebody' })).spec, { chairs: 5 });
});

test('status is applied by its subresource: conditions are merged by type, the spec stays', async () => {
  const { client } = start();
  await client.apply(rooms, { ...room('red', { chairs: 2 }), status: { chairs: 9 } });
  const ready = { type: 'Ready', status: 'True' };
  await client.apply(rooms, { metadata: { ...red }, spec: { chairs: 99 }, status: { chairs: 2, conditions: [ready] } }, { subresource: 'status' });
  const full = { type: 'Full', status: 'False' };
  const both = await client.apply(rooms, { metadata: { ...red }, status: { conditions: [full] } }, { subresource: 'status', fieldManager: 'somebody' });
  assert.deepEqual(both.status, { chairs: 2, conditions: [ready, full] });
  assert.deepEqual(both.spec, { chairs: 2 });
  assert.equal(both.metadata.generation, 1);
});

test('a resourceVersion makes apply fail for those who come late', async () => {
  const { client, server } = start();
  const first = await client.apply(rooms, room('red'));
  server.patch(rooms, 'default/red', { spec: { tables: 1 } });
  const { resourceVersion } = first.metadata;
  await assert.rejects(client.apply(rooms, room('red', { chairs: 2 }, resourceVersion === undefined ? {} : { resourceVersion })), isConflict);
});

test('a refused request is sent again not before Retry-After', async () => {
  const { client, server, clock } = start();
  server.create(rooms, room('red'));
  server.faults.add({ kind: 'status', status: 429, retryAfter: 7 });
  server.faults.add({ kind: 'status', status: 429, retryAfter: 5 });
  await settled(clock, client.get(rooms, red));
  assert.ok(clock.monotonic() >= 12_000 && clock.monotonic() < 15_000, `${clock.monotonic()}`);
});

const outages = {
  'a 500': { kind: 'status', status: 500 },
  'a connection reset': { kind: 'reset' },
  'a lost answer': { kind: 'lostAnswer' },
  'an answer cut short': { kind: 'truncated' },
  'an answer that never comes': { kind: 'silent' },
} as const;
for (const [name, fault] of Object.entries(outages)) {
  test(`${name} is tried again where doing it twice does no harm`, async () => {
    const { client, server, clock } = start();
    server.faults.add(fault);
    const applied = await settled(clock, client.apply(rooms, room('red', { chairs: 4 })));
    assert.deepEqual(applied.spec, { chairs: 4 });
    server.faults.add(fault);
    assert.equal((await settled(clock, client.get(rooms, red))).metadata.name, 'red');
  });

  test(`${name} while creating is the caller's to judge`, async () => {
    const { client, server, clock } = start();
    server.faults.add(fault);
    await assert.rejects(settled(clock, client.create(rooms, room('red'))), (error) => error instanceof ConnectionError || (error instanceof ApiError && error.status === 500));
  });
}

test('a slow answer is waited for as long as the time limit allows', async () => {
  const { client, server, clock } = start();
  server.create(rooms, room('red'));
  server.faults.add({ kind: 'slow', milliseconds: 2000 });
  await settled(clock, client.get(rooms, red));
  server.faults.add({ kind: 'slow', milliseconds: 20_000 });
  await assert.rejects(settled(clock, client.get(rooms, red, { retries: { refused: 0, failed: 0 } })), /no answer within 30 s/);
});

test('after a 401 the credentials are read again, once', async () => {
  const tokens = ['old', 'new'];
  const clock = new FakeClock();
  const server = new FakeApiServer({ resources: [rooms], clock, tokens: new Set(['new']) });
  const transport = { ...inProcess(server, { token: () => tokens[0] as string }), renewCredentials: async () => { tokens.shift(); } };
  const client = new Client(transport, { clock });
  assert.equal(await client.find(rooms, red), undefined);
  tokens[0] = 'stolen';
  tokens.push('stolen too');
  await assert.rejects(client.find(rooms, red), /401 Unauthorized/);
});

test('a guard is asked before every write, retries included, and limits how long the server may take', async () => {
  const { server, client: anybody, clock } = start();
  let left = 9500;
  const client = anybody.with({ guard: { allowed: () => {
    if (left <= 0) throw new NotLeaderError('Cannot write: another one leads');
    return left;
  } } });
  const seen: string[] = [];
  const handle = server.handle.bind(server);
  server.handle = (question) => {
    seen.push(`${question.method} ${new URL(question.path, 'http://x').searchParams.get('timeout')}`);
    return handle(question);
  };
  await client.apply(rooms, room('red'));
  await client.get(rooms, red);
  assert.deepEqual(seen, ['PATCH 9s', 'GET null']);

  server.faults.add({ kind: 'status', status: 429, retryAfter: 1 });
  const retried = client.apply(rooms, room('red', { chairs: 8 }));
  retried.catch(() => undefined);
  await clock.settle();
  left = 0;
  await assert.rejects(settled(clock, retried), NotLeaderError);
  await assert.rejects(client.delete(rooms, red), NotLeaderError);
  await client.get(rooms, red);
  assert.deepEqual(server.find(rooms, 'default/red')?.spec, { chairs: 1 });
});

test('every attempt is reported with its code', async () => {
  const reports: RequestReport[] = [];
  const { client, server, clock } = start({ observe: (report) => { reports.push(report); } });
  server.faults.add({ kind: 'reset' });
  await settled(clock, client.find(rooms, red));
  assert.deepEqual(reports.map(({ method, code, host }) => [method, code, host]), [['GET', '<error>', 'fake'], ['GET', '404', 'fake']]);
});

test('a caller that gives up is not kept waiting', async () => {
  const { client, server, clock } = start();
  server.create(rooms, room('red'));
  server.faults.add({ kind: 'silent' });
  const controller = new AbortController();
  const asked = client.get(rooms, red, { signal: controller.signal });
  asked.catch(() => undefined);
  await clock.settle();
  controller.abort(new Error('Enough'));
  await assert.rejects(asked, /Enough/);
  assert.equal(clock.pending, 0);
});
