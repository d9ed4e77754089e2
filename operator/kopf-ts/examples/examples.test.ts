/** The examples as processes of their own, against a fake API server. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { deployments, leases, resource } from '../index.ts';
import type { AnyObject, Resource } from '../index.ts';
import { FakeApiServer, listen } from '../testing/index.ts';

const sites = resource('example.dev/v1', 'Site', 'sites');
const buckets = resource('example.dev/v1', 'Bucket', 'buckets');
const events = resource('events.k8s.io/v1', 'Event', 'events');

/** Starts an example; ends it, too, if the test does not. */
async function start(t: TestContext, file: string, env: NodeJS.ProcessEnv = {}) {
  const server = new FakeApiServer({ resources: [sites, buckets, deployments, leases, events] as Resource<AnyObject>[] });
  const listening = await listen(server);
  const folder = mkdtempSync(join(tmpdir(), 'kopf-ts-'));
  const kubeconfig = join(folder, 'config');
  writeFileSync(kubeconfig, JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c', 'clusters': [{ name: 'c', cluster: { server: listening.url } }],
    'contexts': [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'users': [{ name: 'u', user: {} }],
  }));
  const child = spawn(process.execPath, [join(import.meta.dirname, file)], { env: { ...process.env, KUBECONFIG: kubeconfig, PORT: '0', ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text; });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
    await listening[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    server, folder,
    eventually: async (condition: () => boolean): Promise<void> => {
      for (const end = performance.now() + 60_000; !condition();) {
        if (child.exitCode !== null || performance.now() > end) throw new Error(`This does not hold: ${condition.toString()}\n${log}`);
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    },
    stop: async () => {
      child.kill('SIGTERM');
      assert.equal(await ended, 0, log);
    },
  };
}

test('the README shows examples/sites.ts as it is', () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const shown = /```ts\n(import \{ Operator[^]*?)```/.exec(readme)?.[1];
  assert.equal(shown, readFileSync(join(import.meta.dirname, 'sites.ts'), 'utf8'));
});

test('sites: a deployment for each, healed, counted in status; a stop releases the lease', async (t) => {
  const { server, eventually, stop } = await start(t, 'sites.ts');
  const site = server.create(sites, { metadata: { namespace: 'default', name: 'home' }, spec: { image: 'nginx:1', replicas: 2 } } as AnyObject);
  await eventually(() => server.find(deployments, 'default/home') !== undefined);
  assert.equal(server.find(deployments, 'default/home')?.metadata.ownerReferences?.[0]?.uid, site.metadata.uid);
  server.patch(deployments, 'default/home', { status: { readyReplicas: 2 } }, 'status');
  await eventually(() => (server.find(sites, 'default/home')?.status as { readyReplicas?: number } | undefined)?.readyReplicas === 2);
  server.patch(sites, 'default/home', { spec: { replicas: 3 } });
  await eventually(() => (server.find(deployments, 'default/home')?.spec as { replicas?: number }).replicas === 3);
  server.delete(deployments, 'default/home');
  await eventually(() => server.find(deployments, 'default/home') !== undefined);
  await stop();
  assert.equal(server.find(leases, 'default/sites')?.spec?.holderIdentity, '');
});

test('buckets: made, counted, kept until they are empty; a wrong one is told so', async (t) => {
  const world = await start(t, 'buckets.ts', { BUCKETS: join(tmpdir(), `kopf-ts-buckets-${process.pid}`) });
  const { server, eventually, stop } = world;
  const root = join(tmpdir(), `kopf-ts-buckets-${process.pid}`);
  t.after(() => { rmSync(root, { recursive: true, force: true }); });
  server.create(buckets, { metadata: { namespace: 'default', name: 'good' }, spec: { folder: 'good' } } as AnyObject);
  server.create(buckets, { metadata: { namespace: 'default', name: 'bad' }, spec: { folder: '../bad' } } as AnyObject);
  await eventually(() => existsSync(join(root, 'good')));
  await eventually(() => (server.find(buckets, 'default/good')?.status as { files?: number } | undefined)?.files === 0);
  await eventually(() => server.list(events).some(({ reason, note }) => reason === 'HandlerFailed' && String(note).includes('is no name of a folder')));
  await eventually(() => server.find(buckets, 'default/good')?.metadata.finalizers?.[0] === 'buckets.example.dev/folder');
  server.delete(buckets, 'default/good');
  await eventually(() => server.find(buckets, 'default/good') === undefined);
  assert.equal(existsSync(join(root, 'good')), false);
  await stop();
});
