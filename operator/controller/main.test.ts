/** srdit-operator as a process: real HTTP, real time, real signals. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { leases } from 'kopf-ts';
import { Environment } from './environment.ts';
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

async function said(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
  const operator = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  const [out, error, [code]] = await Promise.all([text(operator.stdout), text(operator.stderr), once(operator, 'exit') as Promise<[number]>]);
  return { code, out, error };
}

test('a wrong environment is told in a sentence', { timeout: 60_000 }, async () => {
  const { code, error } = await said([], { SRDIT_POLL_SECONDS: 'often' });
  assert.equal(code, 1);
  assert.match(error, /^srdit-operator: Cannot start: the environment variable SRDIT_POLL_SECONDS is "often" /);
});

test('--help lists the environment, and nothing else is an argument', { timeout: 60_000 }, async () => {
  const help = await said(['--help']);
  assert.equal(help.code, 0);
  for (const name of Object.keys(Environment.shape)) assert.match(help.out, new RegExp(`^  ${name} +\\S`, 'm'));
  assert.match(help.out, /SRDIT_POLL_SECONDS +between two questions to a rank 0 \(default 10\)/);
  const { code, error } = await said(['--namespace=lab']);
  assert.deepEqual([code, error], [1, 'srdit-operator: Cannot start with "--namespace=lab": it takes no arguments. Set environment variables; --help lists them\n']);
});
