/** Measures the same small operator on kopf-ts and on kopf, in turns, on one API server:
 *    KOPF_TEST_KUBECONFIG=... KOPF_PYTHON=venv/bin/python node operator/kopf-ts/bench/run.ts [OBJECTS] [ROUNDS]
 *  The virtual environment needs kopf and kubernetes of PyPI. Prints a line of JSON for each run, then the ratios of the medians. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, connect, jobs, keyOf, namespaces, nullLogger, resource, services, sleep, systemClock } from '../index.ts';
import type { KubeObject } from '../index.ts';
import { Informer } from '../cache/informer.ts';
import { Contender } from './contender.ts';
import type { Name, Programs } from './contender.ts';
import { countingProxy } from './counting-proxy.ts';
import type { CountingProxy } from './counting-proxy.ts';
import { stripped } from './stripped.ts';

interface Gang extends KubeObject {
  spec: { replicas: number };
  status?: { job?: string };
}
const gangs = resource<Gang>('kopf-ts.dev/v1', 'Gang', 'gangs');
const crds = resource('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', { namespaced: false });
const bindings = resource('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', { namespaced: false });
const accounts = resource('v1', 'ServiceAccount', 'serviceaccounts');
const tokens = resource<KubeObject & { data?: Record<string, string> }>('v1', 'Secret', 'secrets');

/** Writes of the rig at a time. */
const CONCURRENCY = 32;

interface Run {
  readonly on: Name;
  readonly objectsPerSecond: number;
  /** Milliseconds from before the POST until the Job is seen. */
  readonly childP50: number;
  readonly childP99: number;
  readonly cpuMillisecondsPerObject: number;
  readonly peakMemoryMB: number;
  readonly requestsPerObject?: number;
}

async function eventually(what: string, condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 600_000; !condition(); await sleep(systemClock, 5)) {
    if (performance.now() > end) throw new Error(`After 10 minutes still not: ${what}`);
  }
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await run(item);
  }));
}

/** Two kubeconfig files (the second through a proxy that counts) and the folder of a service account. */
async function prepare(client: Client, server: string): Promise<{ folder: string; env: NodeJS.ProcessEnv }> {
  await client.apply(crds, {
    metadata: { name: 'gangs.kopf-ts.dev' },
    spec: {
      group: 'kopf-ts.dev', scope: 'Namespaced', names: { kind: 'Gang', listKind: 'GangList', plural: 'gangs', singular: 'gang' },
      versions: [{
        name: 'v1', served: true, storage: true, subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { replicas: { type: 'integer' } } }, status: { 'type': 'object', 'x-kubernetes-preserve-unknown-fields': true } } } },
      }],
    },
  });
  const account = { name: 'kopf-ts-bench', namespace: 'default' };
  await client.apply(accounts, { metadata: account });
  await client.apply(bindings, {
    metadata: { name: account.name }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' }, subjects: [{ kind: 'ServiceAccount', ...account }],
  });
  await client.apply(tokens, { metadata: { ...account, annotations: { 'kubernetes.io/service-account.name': account.name } }, type: 'kubernetes.io/service-account-token' });
  let data: Record<string, string> | undefined;
  for (let tries = 0; data?.token === undefined; tries++) {
    if (tries > 100) throw new Error('No token for the service account: does kube-controller-manager run?');
    await sleep(systemClock, 100);
    ({ data } = await client.get(tokens, account));
  }
  const folder = mkdtempSync(join(tmpdir(), 'kopf-ts-bench-'));
  for (const [file, value] of Object.entries(data)) writeFileSync(join(folder, file), Buffer.from(value, 'base64'));
  const { hostname, port } = new URL(server);
  return { folder, env: { SERVICE_ACCOUNT: folder, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port } };
}

/** One run in a namespace of its own. */
async function measure(client: Client, name: Name, count: number, env: NodeJS.ProcessEnv, programs: Programs, proxy?: CountingProxy): Promise<Run> {
  const namespace = `bench-${name}-${Math.floor(Math.random() * 1e9).toString(36)}`;
  await client.apply(namespaces, { metadata: { name: namespace } });
  const stop = new AbortController();
  const [seen, owned, made] = [new Map<string, number>(), new Informer(services, { namespaces: [namespace] }, { client, log: nullLogger }), new Informer(gangs, { namespaces: [namespace] }, { client, log: nullLogger })];
  const children = new Informer(jobs, { namespaces: [namespace] }, { client, log: nullLogger });
  children.store.subscribe((change) => { if (change.type === 'added') seen.set(keyOf(change.object), performance.now()); });
  let statuses = 0;
  made.store.subscribe((change) => { if (change.type === 'updated' && change.before.status?.job === undefined && change.object.status?.job !== undefined) statuses += 1; });
  const watching = [children, owned, made].map((informer) => informer.run(stop.signal));
  await Promise.all([children.synced(), owned.synced(), made.synced()]);
  const gang = (id: string): Gang => ({ metadata: { namespace, name: id }, spec: { replicas: 8 } });
  const contender = new Contender(name, env, namespace, programs);
  try {
    // It has started when it makes the first one.
    await client.create(gangs, gang('warm-up'));
    await eventually('the warm-up is done', () => {
      contender.check();
      return statuses === 1;
    });
    await sleep(systemClock, 1000);
    proxy?.take();
    const [cpu, started] = [contender.cpu, performance.now()];
    const posted = new Map<string, number>();
    await inParallel(Array.from({ length: count }, (_, i) => `gang-${i}`), async (id) => {
      posted.set(`${namespace}/${id}`, performance.now());
      await client.create(gangs, gang(id));
    });
    await eventually('all children are there', () => statuses === count + 1 && seen.size === count + 1 && owned.store.size === count + 1);
    const seconds = (performance.now() - started) / 1000;
    await sleep(systemClock, 1000);
    const delays = [...posted].map(([key, at]) => (seen.get(key) as number) - at).sort((a, b) => a - b);
    const quantile = (q: number): number => Math.round(delays[Math.min(delays.length - 1, Math.floor(q * delays.length))] as number);
    const requests = proxy === undefined ? undefined : Object.values(proxy.take()).reduce((sum, n) => sum + n, 0) / count;
    return {
      on: name, objectsPerSecond: count / seconds, childP50: quantile(0.5), childP99: quantile(0.99), cpuMillisecondsPerObject: (contender.cpu - cpu) * 1000 / count,
      peakMemoryMB: contender.peakMemory, ...(requests === undefined ? {} : { requestsPerObject: requests }),
    };
  } finally {
    await contender.stop();
    stop.abort();
    await Promise.all(watching);
    const all = [...made.store.values()];
    await inParallel(all, async (object) => { await client.delete(gangs, { namespace, name: object.metadata.name as string }); });
    await client.delete(namespaces, { name: namespace });
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function main(): Promise<void> {
  const [count = 300, rounds = 3] = process.argv.slice(2).map(Number);
  const kubeconfig = process.env.KOPF_TEST_KUBECONFIG;
  if (kubeconfig === undefined) throw new Error('Cannot measure without an API server: set KOPF_TEST_KUBECONFIG to a kubeconfig of a cluster for tests');
  const transport = await connect({ kubeconfig });
  const client = new Client(transport, { fieldManager: 'bench' });
  const { folder, env } = await prepare(client, `https://${transport.host}`);
  try {
    const programs = { python: process.env.KOPF_PYTHON ?? 'python3', gangs: stripped(join(folder, 'kopf-ts')) };
    const runs: Run[] = [];
    const note = (run: Run): void => {
      console.log(JSON.stringify(run));
      runs.push(run);
    };
    // kopf reads a kubeconfig; with the same token, it costs the same to authenticate.
    const file = join(folder, 'config');
    writeFileSync(file, JSON.stringify({
      'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c', 'contexts': [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'clusters': [{ name: 'c', cluster: { 'server': `https://${transport.host}`, 'certificate-authority': join(folder, 'ca.crt') } }], 'users': [{ name: 'u', user: { tokenFile: join(folder, 'token') } }],
    }));
    for (let round = 0; round < rounds; round++) {
      note(await measure(client, 'kopf-ts', count, env, programs));
      note(await measure(client, 'kopf', count, { KUBECONFIG: file }, programs));
    }
    await using proxy = await countingProxy(transport);
    const counted = join(folder, 'counted');
    writeFileSync(counted, JSON.stringify({
      'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c', 'clusters': [{ name: 'c', cluster: { server: proxy.url } }], 'contexts': [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'users': [{ name: 'u', user: {} }],
    }));
    const requests = { 'kopf-ts': 0, 'kopf': 0 };
    for (const name of ['kopf-ts', 'kopf'] as const) requests[name] = (await measure(client, name, Math.min(count, 100), { KUBECONFIG: counted }, programs, proxy)).requestsPerObject ?? 0;
    const of = (name: Name, what: 'objectsPerSecond' | 'childP50' | 'childP99' | 'cpuMillisecondsPerObject' | 'peakMemoryMB'): number => median(runs.filter(({ on }) => on === name).map((run) => run[what]));
    console.log('\nkopf-ts / kopf (medians)');
    for (const what of ['objectsPerSecond', 'childP50', 'childP99', 'cpuMillisecondsPerObject', 'peakMemoryMB'] as const) {
      console.log(`${what.padEnd(26)} ${of('kopf-ts', what).toFixed(1).padStart(9)} ${of('kopf', what).toFixed(1).padStart(9)}   ${(of('kopf-ts', what) / of('kopf', what)).toFixed(2)}x`);
    }
    console.log(`${'requestsPerObject'.padEnd(26)} ${requests['kopf-ts'].toFixed(2).padStart(9)} ${requests.kopf.toFixed(2).padStart(9)}   ${(requests['kopf-ts'] / requests.kopf).toFixed(2)}x`);
  } finally {
    rmSync(folder, { recursive: true });
    await transport.close();
  }
}

await main();
