import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventRecorder, events } from './events.ts';
import { nullLogger } from '../observe/log.ts';
import type { AnyObject } from '../api/objects.ts';
import { namespaces } from '../api/resource.ts';
import { room, rooms } from '../testing/rooms.ts';
import { simulate } from '../testing/simulation.ts';

function start() {
  const world = simulate();
  const recorder = new EventRecorder({ client: world.client, log: nullLogger, controller: 'hotel', instance: 'hotel-0' });
  return { ...world, recorder, red: world.server.create(rooms, room('red')), written: () => world.server.list(events) };
}

test('an event says what happened to what, by whom', async () => {
  const { clock, recorder, red, written } = start();
  recorder.record(red, { reason: 'Painted', note: 'The room is red', action: 'Paint' });
  await clock.settle();
  const [event] = written();
  assert.equal(written().length, 1);
  const { eventTime, note, reason, type, action, regarding, reportingController, metadata } = event as AnyObject & Record<string, string>;
  assert.match(String(eventTime), /\.\d{6}Z$/);
  assert.deepEqual([note, reason, type, action, reportingController, metadata.namespace], ['The room is red', 'Painted', 'Normal', 'Paint', 'hotel', 'default']);
  assert.deepEqual(regarding, { apiVersion: 'kopf-ts.dev/v1', kind: 'Room', name: 'red', namespace: 'default', uid: red.metadata.uid, resourceVersion: red.metadata.resourceVersion });
});

test('a hundred times the same is one event with a count', async () => {
  const { clock, server, recorder, red, written } = start();
  for (let i = 0; i < 100; i++) {
    recorder.record(red, { type: 'Warning', reason: 'DoorStuck', note: 'The door does not open' });
    await clock.advance(600);
  }
  await clock.advance(60_000);
  assert.equal(written().length, 1);
  assert.equal((written()[0]?.series as { count?: number }).count, 100);
  assert.ok((server.requests.get('merge events.events.k8s.io') ?? 0) <= 4);
});

test('what begins again after a pause is a new event, and nothing is remembered of the old one', async () => {
  const { clock, recorder, red, written } = start();
  recorder.record(red, { reason: 'Painted', note: 'x' });
  await clock.advance(600_000);
  assert.equal(recorder.remembered, 0);
  assert.equal(clock.pending, 0);
  recorder.record(red, { reason: 'Painted', note: 'x' });
  await clock.settle();
  assert.equal(written().length, 2);
});

test('the count of an event that the server has forgotten starts a new one', async () => {
  const { clock, server, recorder, red, written } = start();
  recorder.record(red, { reason: 'Painted', note: 'x' });
  await clock.settle();
  server.delete(events, `default/${written()[0]?.metadata.name}`);
  recorder.record(red, { reason: 'Painted', note: 'x' });
  await clock.advance(31_000);
  assert.equal((written()[0]?.series as { count?: number }).count, 2);
});

test('a long note is cut between characters; an object without a namespace has its events in "default"', async () => {
  const { clock, server, recorder, written } = start();
  recorder.record(server.create(namespaces, { metadata: { name: 'blue' } }), { reason: 'Long', note: 'ä'.repeat(2000) });
  await clock.settle();
  const note = String(written()[0]?.note);
  assert.ok(Buffer.byteLength(note) <= 1024 && Buffer.byteLength(note) > 1000);
  assert.match(note, /^ä+…$/);
  assert.equal(written()[0]?.metadata.namespace, 'default');
});

test('a server that refuses events disturbs nobody', async () => {
  const { clock, server, recorder, red, written } = start();
  server.faults.add({ kind: 'status', status: 403, reason: 'Forbidden' });
  recorder.record(red, { reason: 'A', note: 'a' });
  recorder.record(red, { reason: 'B', note: 'b' });
  await recorder.close();
  assert.deepEqual(written().map(({ reason }) => reason), ['B']);
  assert.equal(clock.pending, 0);
});
