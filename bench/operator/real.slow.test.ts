/** srdit-operator against a real API server and Job controller, without nodes: what it makes, what kubectl shows, and which rights it needs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, parseAllDocuments } from 'yaml';
import { resource, type KubeObject } from 'kopf-ts';
import { command } from '../../e2e/cluster/command.ts';
import { requests } from './audit.ts';
import { available } from './available.ts';
import { AUDITED, ControlPlane } from './control-plane.ts';
import { Measured } from './process.ts';

const ROOT = join(import.meta.dirname, '../..');
const pods = resource<KubeObject>('v1', 'Pod', 'pods');

interface Rule { readonly apiGroups: readonly string[]; readonly resources: readonly string[]; readonly verbs: readonly string[] }

/** The rules of the chart, which hold no template. */
function chartRules(): Rule[] {
  const helpers = readFileSync(join(ROOT, 'charts/srdit/templates/_helpers.tpl'), 'utf8');
  const text = /\{\{- define "srdit\.rules" -\}\}\n([\s\S]*?)\{\{- end \}\}/.exec(helpers)?.[1] ?? '';
  return [...parse(text) as Rule[], { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] }];
}

const { binary, skip } = available;

test('with the rights of the chart, and all of them, it takes the quickstart to a Job and through a restart', { skip, timeout: 400_000 }, async () => {
  await using plane = await ControlPlane.start(binary);
  const client = await plane.client();
  const kubectl = (...args: string[]): Promise<string> => command(binary, ['kubectl', ...args], { env: { ...process.env, KUBECONFIG: plane.kubeconfig('admin') }, cwd: ROOT });
  const began = Date.now();
  await kubectl('apply', '--server-side', '-f', 'crds/generated');
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  await plane.allow(chartRules());
  await using _operator = new Measured([process.execPath, join(ROOT, 'operator/controller/main.ts')], {
    KUBECONFIG: plane.kubeconfig(AUDITED), SRDIT_METRICS_PORT: '0', SRDIT_PROBE_PORT: '0', SRDIT_LEASE: 'srdit', POD_NAMESPACE: 'default', SRDIT_NAMESPACES: '', SRDIT_LOG: 'text',
  }, join(plane.folder, 'operator.log'));
  const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
    for (const end = Date.now() + 60_000; !await holds(); await sleep(200)) {
      if (Date.now() > end) throw new Error(`${what} did not come:\n${await kubectl('get', 'srdt,job,pod,event', '-o', 'wide')}\n${readFileSync(join(plane.folder, 'operator.log'), 'utf8').slice(-3000)}`);
    }
  };
  await kubectl('apply', '-f', 'examples/quickstart/training.yaml');
  await until('pods', async () => (await client.listAll(pods)).length === 2);
  assert.match(await kubectl('get', 'service,networkpolicy,job', '-l', 'app.kubernetes.io/managed-by=srdit', '-o', 'name'),
    /^service\/emoji-train\nnetworkpolicy\.networking\.k8s\.io\/emoji-train\njob\.batch\/emoji-train-1\n$/);
  assert.match(await kubectl('get', 'srdt'), /^NAME +STATE +STEP +PROGRESS +LOSS +IMG\/S +RESTARTS +AGE\nemoji +Pending /);
  // Nobody else runs pods here.
  const [first] = await client.listAll(pods);
  await client.merge(pods, { namespace: 'default', name: first?.metadata.name ?? '' }, { status: { phase: 'Running' } }, { subresource: 'status' });
  await until('state Starting', async () => (await kubectl('get', 'srdt', 'emoji', '-o', 'jsonpath={.status.state}')) === 'Starting');
  assert.match(await kubectl('get', 'srdt'), /^NAME +STATE +STEP +PROGRESS +LOSS +IMG\/S +RESTARTS +AGE\nemoji +Starting /);

  // One pod is evicted: the gang comes back as attempt 2.
  const [victim] = await client.listAll(pods);
  await client.merge(pods, { namespace: 'default', name: victim?.metadata.name ?? '' }, {
    status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] },
  }, { subresource: 'status' });
  await until('attempt 2', async () => (await kubectl('get', 'job', '-o', 'name')) === 'job.batch/emoji-train-2\n');
  const status = JSON.parse(await kubectl('get', 'srdt', 'emoji', '-o', 'jsonpath={.status}')) as { attempt: number; restarts: object; conditions: { type: string }[] };
  assert.deepEqual([status.attempt, status.restarts], [2, { charged: 0, free: 1, sinceProgress: 1, mark: 0, reasons: { Disrupted: 1 } }]);
  assert.match(await kubectl('events', '--for', 'srdittraining/emoji'), /Warning +Restarting +SRDiTTraining\/emoji +Attempt 2 follows\. Worker \d was taken away \(EvictionByEvictionAPI\)/);

  // An evaluation waits for it; a quota keeps another from its pods.
  await kubectl('apply', '-f', 'examples/quickstart/evaluation.yaml');
  const [training] = parseAllDocuments(readFileSync(join(ROOT, 'examples/quickstart/training.yaml'), 'utf8')).map((document) => document.toJS() as { metadata: { name: string }; spec: { storage: { uri: string } } });
  assert.ok(training !== undefined);
  await kubectl('create', 'namespace', 'full');
  await kubectl('create', 'quota', 'none', '--hard=pods=0', '-n', 'full');
  await client.create(resource('srdit.dev/v1alpha1', 'SRDiTTraining', 'srdittrainings'), { ...training, metadata: { ...training.metadata, namespace: 'full' } });
  await until('why there are no pods', async () => (await kubectl('get', 'srdt', '-n', 'full', '-o', 'jsonpath={.items[0].status.conditions[?(@.type=="Running")].message}')).includes('exceeded quota'));
  await kubectl('delete', 'srdt', '--all', '-A', '--wait');
  await until('nothing', async () => (await kubectl('get', 'service,networkpolicy,job,pod', '-A', '-l', 'app.kubernetes.io/managed-by=srdit', '-o', 'name')) === '');

  await sleep(2500);
  const asked = await requests(plane.auditLog, began, Date.now());
  assert.deepEqual([...asked.keys()].filter((name) => name.endsWith(' 403')), [], 'a right is missing in the chart');
  console.log(Object.fromEntries([...asked].sort()));
  console.log(await kubectl('get', 'events', '-A'));
  await client.close();
});
