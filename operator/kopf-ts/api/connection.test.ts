/** Over real connections: kubeconfigs, tokens, broken streams. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from './client.ts';
import { connect, transportOf } from './connection.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { inCluster, inClusterNamespace } from './in-cluster.ts';
import { FakeApiServer, listen } from '../testing/index.ts';
import { room, rooms } from '../testing/rooms.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kopf-ts-'));
  t.after(() => { rmSync(path, { recursive: true, force: true }); });
  return path;
}

/** A kubeconfig as kubectl writes them; JSON is YAML. */
function kubeconfig(path: string, server: string, user: object): string {
  const file = join(path, 'config');
  writeFileSync(file, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'here', clusters: [{ name: 'c', cluster: { server } }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u' } }], users: [{ name: 'u', user }],
  }));
  return file;
}

async function start(t: TestContext, options: { tokens?: ReadonlySet<string> } = {}) {
  const server = new FakeApiServer({ resources: [rooms], ...options });
  const listening = await listen(server);
  t.after(() => listening[Symbol.asyncDispose]());
  return { server, url: listening.url };
}

async function clientOf(t: TestContext, file: string): Promise<Client> {
  const transport = await connect({ kubeconfig: file });
  t.after(() => transport.close());
  return new Client(transport);
}

test('a kubeconfig with a token, towards an http: server', async (t) => {
  const { url } = await start(t, { tokens: new Set(['secret']) });
  const client = await clientOf(t, kubeconfig(folder(t), url, { token: 'secret' }));
  await client.create(rooms, room('a'));
  assert.deepEqual((await client.listAll(rooms)).map(({ metadata }) => metadata.name), ['a']);
  const wrong = await clientOf(t, kubeconfig(folder(t), url, { token: 'wrong' }));
  await assert.rejects(wrong.listAll(rooms), (error) => error instanceof ApiError && error.status === 401);
});

test('an exec plugin is asked for a token, and again when the server does not take it any more', async (t) => {
  const { server, url } = await start(t, { tokens: new Set(['first']) });
  const path = folder(t);
  const plugin = join(path, 'plugin');
  const answer = (token: string): void => {
    writeFileSync(plugin, `#!/bin/sh\necho '${JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } })}'\n`);
    chmodSync(plugin, 0o755);
  };
  answer('first');
  const client = await clientOf(t, kubeconfig(path, url, { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' } }));
  assert.equal(await client.find(rooms, { namespace: 'default', name: 'a' }), undefined);
  answer('second');
  server.tokens = new Set(['second']);
  assert.equal(await client.find(rooms, { namespace: 'default', name: 'a' }), undefined);
});

test('a pod reads its token again when the server does not take it any more', async (t) => {
  const path = folder(t);
  assert.equal(inCluster(path, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }), undefined, 'no pod without a token');
  for (const [file, text] of Object.entries({ token: 'first\n', 'ca.crt': '', namespace: 'hotel\n' })) writeFileSync(join(path, file), text);
  assert.equal(inCluster(path, {}), undefined);
  assert.equal(inClusterNamespace(path), 'hotel');
  const source = inCluster(path, { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' });
  assert.equal((await source?.read(false))?.server, 'https://[fd00::1]:6443');

  const { server, url } = await start(t, { tokens: new Set(['first']) });
  const transport = await transportOf({ read: async (fresh) => ({ ...await (source as NonNullable<typeof source>).read(fresh), server: url, tls: {} }) });
  t.after(() => transport.close());
  const client = new Client(transport);
  assert.deepEqual(await client.listAll(rooms), []);
  writeFileSync(join(path, 'token'), 'second\n');
  server.tokens = new Set(['second']);
  assert.deepEqual(await client.listAll(rooms), []);
});

test('a process that needs no kubeconfig loads neither @kubernetes/client-node nor the whole of undici', async (t) => {
  const { server, url } = await start(t);
  server.create(rooms, room('a'));
  const program = `
    import { createRequire } from 'node:module';
    import { Client, resource, transportOf } from ${JSON.stringify(join(import.meta.dirname, '../index.ts'))};
    const transport = await transportOf({ read: async () => ({ server: ${JSON.stringify(url)}, headers: {}, tls: {} }) });
    const all = await new Client(transport).listAll(resource('kopf-ts.dev/v1', 'Room', 'rooms'));
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => /client-node|undici.index.js|undici.lib.web/.test(path));
    console.log(JSON.stringify([all.map(({ metadata }) => metadata.name), loaded]));
    await transport.close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  for await (const text of child.stdout.setEncoding('utf8')) out += text as string;
  const [names, loaded] = JSON.parse(out) as [string[], string[]];
  assert.deepEqual(names, ['a']);
  assert.deepEqual(loaded, []);
});

test('a path in the server comes before every other, as with proxies', async (t) => {
  const { url, server } = await start(t);
  const handle = server.handle.bind(server);
  const seen: string[] = [];
  server.handle = (question) => {
    seen.push(question.path);
    return handle({ ...question, path: question.path.replace('/k8s/c-1', '') });
  };
  const client = await clientOf(t, kubeconfig(folder(t), `${url}/k8s/c-1`, {}));
  await client.listAll(rooms, { namespace: 'default' });
  assert.equal(seen[0], '/k8s/c-1/apis/kopf-ts.dev/v1/namespaces/default/rooms?limit=500');
});

test('a kubeconfig without the context, or with a proxy that is not known, is refused with a sentence', async (t) => {
  const path = folder(t);
  const file = kubeconfig(path, 'http://127.0.0.1:1', {});
  await assert.rejects(connect({ kubeconfig: file, context: 'elsewhere' }), /names no cluster. Set current-context to one of "here"/);
  mkdirSync(join(path, 'p'));
  await assert.rejects(transportOf({ read: async () => ({ server: 'https://x', headers: {}, tls: {}, proxyUrl: 'socks5://localhost' }) }), /Cannot use the proxy "socks5:\/\/localhost"/);
});

test('faults arrive over the wire as they are meant', async (t) => {
  const { server, url } = await start(t);
  const client = (await clientOf(t, kubeconfig(folder(t), url, {}))).with({ retries: { refused: 0, failed: 0 } });
  server.create(rooms, room('a'));
  const get = (): Promise<unknown> => client.get(rooms, { namespace: 'default', name: 'a' });
  server.faults.add({ kind: 'reset' });
  await assert.rejects(get(), ConnectionError);
  server.faults.add({ kind: 'lostAnswer' });
  await assert.rejects(get(), ConnectionError);
  server.faults.add({ kind: 'truncated' });
  await assert.rejects(get(), ConnectionError);
  server.faults.add({ kind: 'silent' });
  await assert.rejects(client.get(rooms, { namespace: 'default', name: 'a' }, { timeout: 50 }), /no answer within 0.05 s/);
  server.faults.add({ kind: 'status', status: 429, retryAfter: 3 });
  await assert.rejects(get(), (error) => error instanceof ApiError && error.retryAfter === 3000);
  server.faults.add({ kind: 'slow', milliseconds: 10 });
  await get();

  const watch = async (): Promise<string[]> => {
    const seen: string[] = [];
    for await (const event of client.watch(rooms, { resourceVersion: '1000', timeoutSeconds: 1, inactivity: 30_000 })) seen.push(event.type);
    return seen;
  };
  assert.deepEqual(await watch(), ['ADDED']);
  server.faults.add({ kind: 'truncated' });
  await assert.rejects(watch(), ConnectionError);
  server.faults.add({ kind: 'silent' });
  await assert.rejects(async () => { for await (const _ of client.watch(rooms, { resourceVersion: '1000', inactivity: 100 })); }, /nothing came for 0.1 s/);
});

test('a server that cannot be reached is a ConnectionError that says why', async (t) => {
  const port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address() as { port: number };
      probe.close(() => { resolve(free); });
    });
  });
  const client = (await clientOf(t, kubeconfig(folder(t), `http://127.0.0.1:${port}`, {}))).with({ retries: { refused: 0, failed: 0 } });
  await assert.rejects(client.listAll(rooms), (error) => error instanceof ConnectionError && /Cannot list rooms.kopf-ts.dev: connect ECONNREFUSED/.test(error.message));
});
