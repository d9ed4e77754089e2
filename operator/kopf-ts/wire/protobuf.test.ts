import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../api/client.ts';
import { isExpired, isNotFound } from '../api/errors.ts';
import type { KubeObject } from '../api/objects.ts';
import { resource } from '../api/resource.ts';
import { FakeApiServer, FakeClock, inProcess, seeded } from '../testing/index.ts';
import { room, rooms } from '../testing/rooms.ts';
import { message } from './message.ts';
import { frames } from './protobuf.ts';

interface Pod extends KubeObject { readonly spec?: object; readonly status?: { readonly phase?: string; readonly podIP?: string } }
const pods = resource<Pod>('v1', 'Pod', 'pods');
const STATUS = message({ status: [3, message({ phase: [1, 'string'] })] });
/** The server knows more of a pod than we ask for. */
const messages = { pods: message({ status: [3, message({ phase: [1, 'string'], podIP: [6, 'string'] })] }) };

function start() {
  const clock = new FakeClock();
  const server = new FakeApiServer({ resources: [pods, rooms], clock, random: seeded(1), messages });
  const forms: (string | undefined)[] = [];
  const transport = inProcess(server);
  const client = new Client({
    ...transport,
    send: async (request) => {
      const answer = await transport.send(request);
      forms.push(answer.headers['content-type']);
      return answer;
    },
  }, { clock, random: seeded(2) });
  const pod = (name: string, phase = 'Pending'): Pod => ({ metadata: { name, namespace: 'default', labels: { a: 'b' } }, spec: { nodeName: 'n' }, status: { phase, podIP: '10.0.0.1' } });
  const make = (name: string): void => {
    server.create(pods, pod(name));
    server.patch(pods, `default/${name}`, { status: { phase: 'Pending', podIP: '10.0.0.1' } }, 'status');
  };
  return { clock, server, client, forms, make };
}

const BINARY = 'application/vnd.kubernetes.protobuf';

test('lists and watches of some fields come as Protocol Buffers, in pages and with all of metadata', async () => {
  const { clock, server, client, forms, make } = start();
  for (const name of ['a', 'b', 'c']) make(name);
  const sizes: number[] = [];
  let resourceVersion = '';
  for await (const page of client.list(pods, { fields: STATUS, limit: 2, ahead: true })) {
    sizes.push(page.items.length);
    ({ resourceVersion } = page);
    const { managedFields: _, ...metadata } = server.find(pods, `default/${page.items[0]?.metadata.name}`)?.metadata ?? {};
    assert.deepEqual(page.items[0], { apiVersion: 'v1', kind: 'Pod', metadata, status: { phase: 'Pending' } });
  }
  assert.deepEqual([sizes, forms], [[2, 1], [BINARY, BINARY]]);
  const seen: unknown[] = [];
  const watch = (async () => {
    for await (const { type, object } of client.watch(pods, { fields: STATUS, resourceVersion, timeoutSeconds: 70 })) seen.push([type, object.kind, object.metadata.name ?? 'bookmark', (object as Pod).status]);
  })();
  await clock.settle();
  server.patch(pods, 'default/a', { status: { phase: 'Running' } }, 'status');
  server.delete(pods, 'default/b');
  await clock.advance(71_000);
  await watch;
  assert.deepEqual(seen, [
    ['MODIFIED', 'Pod', 'a', { phase: 'Running' }], ['DELETED', 'Pod', 'b', { phase: 'Pending' }], ['BOOKMARK', 'Pod', 'bookmark', undefined],
  ]);
  assert.equal(forms.at(-1), BINARY);
});

test('metadata alone comes so of every kind; fields of a kind that has no such form come as JSON', async () => {
  const { server, client, forms } = start();
  server.create(rooms, room('a', { chairs: 3 }));
  const [alone] = await client.listAll(rooms, { metadataOnly: true });
  assert.deepEqual([alone?.kind, alone?.apiVersion, alone?.metadata.name, Object.keys(alone ?? {}).includes('spec')], ['Room', 'kopf-ts.dev/v1', 'a', false]);
  const [whole] = await client.listAll(rooms, { fields: STATUS });
  assert.deepEqual(whole?.spec, { chairs: 3 });
  assert.deepEqual(forms, [BINARY, 'application/json']);
});

test('refusals are understood in this form too, and an ERROR event of a watch', async () => {
  const { server, client, make } = start();
  make('a');
  await assert.rejects(client.get(pods, { namespace: 'default', name: 'none' }, { metadataOnly: true }), (error) => isNotFound(error) && /pods "default\/none"/.test(String(error)));
  server.compact();
  await assert.rejects(async () => { for await (const _ of client.watch(pods, { fields: STATUS, resourceVersion: '1000' })); }, isExpired);
});

test('a stream in any pieces is the same events; one that ends within an event is an error', async () => {
  const { server, make } = start();
  make('a');
  make('b');
  const answer = await server.handle({ method: 'GET', path: '/api/v1/pods?watch=true&timeoutSeconds=1', headers: { accept: `${BINARY},application/json` }, body: '' });
  const pieces: Buffer[] = [];
  setImmediate(() => { answer.close?.(); });
  for await (const piece of answer.body) pieces.push(Buffer.from(piece as Buffer));
  const bytes = Buffer.concat(pieces);
  const read = async (size: number, end = bytes.length): Promise<number> => {
    async function* chunks() { for (let at = 0; at < end; at += size) yield bytes.subarray(at, Math.min(end, at + size)); }
    let count = 0;
    for await (const events of frames(chunks(), STATUS)) count += events.length;
    return count;
  };
  for (const size of [1, 3, 100, bytes.length]) assert.equal(await read(size), 2);
  await assert.rejects(read(50, bytes.length - 1), /ended within an event/);
  await assert.rejects(read(50, 2), /ended within an event after 2 bytes/);
});

test('a length beyond all reason is not waited for', async () => {
  async function* chunks() { yield Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1); }
  await assert.rejects(async () => { for await (const _ of frames(chunks(), STATUS)); }, /says that it has 4294967295 bytes/);
});
