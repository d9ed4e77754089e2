/** srdit-operator as a process: real HTTP, real time, real signals. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { leases } from 'kopf-ts';
import { OperatorProcess } from './testing/operator-process.ts';

test('the process leads, serves, takes a run from its start to its end, and releases its lease on TERM', { timeout: 120_000 }, async () => {
  await using operator = await OperatorProcess.start();
  await operator.train('lab', 't');
  assert.equal(operator.kubelets.podsOf('t', 1).length, 2);
  const metrics = await operator.metrics();
  assert.match(metrics, /srdit_resources\{kind="SRDiTTraining",state="Complete"\} 1\n/);
  assert.match(metrics, /leader_election_master_status\{name="srdit-operator"\} 1\n/);

  assert.equal(await operator.stop(), 0, operator.said);
  assert.equal((operator.server.find(leases, 'srdit-system/srdit') as { spec?: { holderIdentity?: string } } | undefined)?.spec?.holderIdentity, '');
  for (const line of operator.said.trimEnd().split('\n')) JSON.parse(line);
});

test('a wrong environment is told in a sentence', { timeout: 60_000 }, async () => {
  const operator = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, SRDIT_POLL_SECONDS: 'often' } });
  let said = '';
  operator.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const [code] = await once(operator, 'exit') as [number];
  assert.equal(code, 1);
  assert.match(said, /^srdit-operator: Cannot start: the environment variable SRDIT_POLL_SECONDS is "often" /);
});
