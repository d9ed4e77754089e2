/** srdit-operator as a process: real HTTP, real time, real signals. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '@srdit/runtime/free-ports.ts';
import { leases, systemClock, type KubeObject } from 'kopf-ts';
import { FakeApiServer, listen, seeded } from 'kopf-ts/testing';
import { training } from '../plan/testing/resources.ts';
import { trainings } from './kubernetes.ts';
import { Kubelets } from './testing/kubelets.ts';
import { RESOURCES } from './testing/world.ts';

/** Resolves when it holds; a test that waits for ever is ended by its time limit. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await sleep(50);
}

test('the process leads, serves, takes a run from its start to its end, and releases its lease on TERM', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'srdit-operator-'));
  const server = new FakeApiServer({ resources: RESOURCES });
  const kubelets = new Kubelets(server, { clock: systemClock, random: seeded(1), life: () => ({ after: 300, exitCode: 0 }) });
  await using http = await listen(server);
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify({
    apiVersion: 'v1', kind: 'Config', clusters: [{ name: 'c', cluster: { server: http.url } }], users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'current-context': 'c',
  }));
  const [metricsPort = 0, probePort = 0] = await freePorts(2);
  let operator: ChildProcess | undefined;
  let said = '';
  try {
    operator = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env, KUBECONFIG: join(folder, 'kubeconfig'), POD_NAMESPACE: 'srdit-system', SRDIT_LEASE: 'srdit', SRDIT_NAMESPACES: '', SRDIT_LOG: 'json',
        SRDIT_METRICS_PORT: String(metricsPort), SRDIT_PROBE_PORT: String(probePort),
      },
    });
    operator.stderr?.setEncoding('utf8').on('data', (text: string) => { said += text; });
    const ended = once(operator, 'exit');
    const answers = (path: string, port: number): Promise<string> => fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.text(), () => '');
    await until(async () => await answers('/readyz', probePort) === 'ok\n' && server.list(leases).length > 0);

    const wanted: object = { metadata: { name: 't', namespace: 'lab' }, spec: training().spec };
    server.create(trainings, wanted as KubeObject);
    await until(() => (server.find(trainings, 'lab/t')?.status as { state?: string } | undefined)?.state === 'Complete');
    assert.equal(kubelets.podsOf('t', 1).length, 2);
    const metrics = await answers('/metrics', metricsPort);
    assert.match(metrics, /srdit_resources\{kind="SRDiTTraining",state="Complete"\} 1\n/);
    assert.match(metrics, /leader_election_master_status\{name="srdit-operator"\} 1\n/);

    operator.kill('SIGTERM');
    const [code] = await ended as [number | null];
    assert.equal(code, 0, said);
    assert.equal((server.find(leases, 'srdit-system/srdit') as { spec?: { holderIdentity?: string } } | undefined)?.spec?.holderIdentity, '');
    for (const line of said.trimEnd().split('\n')) JSON.parse(line);
  } finally {
    operator?.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

test('a wrong environment is told in a sentence', { timeout: 60_000 }, async () => {
  const operator = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, SRDIT_POLL_SECONDS: 'often' } });
  let said = '';
  operator.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const [code] = await once(operator, 'exit') as [number];
  assert.equal(code, 1);
  assert.match(said, /^srdit-operator: Cannot start: the environment variable SRDIT_POLL_SECONDS is "often" /);
});
