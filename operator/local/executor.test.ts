import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Resource } from '@srdit/crds';
import { parseResource } from '@srdit/crds/parse';
import type { Status } from '../plan/types.ts';
import { silentDisplay, type Display } from './display.ts';
import { exitCodeOf, runResource, type ExecutorOptions } from './executor.ts';
import { layout, readIfThere } from './files.ts';
import { isolation } from './namespace.ts';
import { isRunning, type ProcessId } from './process-id.ts';
import { runAll, type RunAllResult } from './run.ts';
import { load, type Stored } from './state.ts';

const CONTRACT_RANK = fileURLToPath(new URL('testing/contract-rank.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'srdit-executor-'));
after(() => rmSync(root, { recursive: true, force: true }));
const isolated = isolation(process.env['SRDIT_NETNS']);

const trainingOf = (name: string, spec: Record<string, unknown> = {}): Resource => parseResource({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name },
  spec: {
    model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 10, classToken: false }, objective: { alignment: { enabled: false } },
    batchSize: 8, steps: 60, data: { uri: 'file:///data/packed', teacherFeatures: false }, storage: { uri: `file:///runs/${name}` },
    checkpoints: { everySteps: 10 }, gang: { workers: 2, maxRestarts: 1, backoffSeconds: 0.2, gpu: { perRank: 0 } }, ...spec,
  },
});

/** Long enough to be interrupted before its end by a test that has to wait for its share of the machine. */
const LEISURELY = { SRDIT_TEST_STEP_MS: '100' };

interface Running { readonly done: Promise<Stored>; readonly stop: () => void; readonly kill: () => void; readonly status: () => Status | undefined; readonly pids: () => ProcessId[] }

const places = layout(root);
function start(resource: Resource, environment: Record<string, string> = {}, display: Display = silentDisplay): Running {
  Object.assign(process.env, { SRDIT_TEST_STEP_MS: '20', SRDIT_TEST_END: '', SRDIT_FILE_ROOT: places.volumes }, environment);
  const stop = new AbortController();
  const kill = new AbortController();
  const options: ExecutorOptions = {
    layout: places, runtime: [process.execPath, CONTRACT_RANK], isolation: isolated, display, verbose: false,
    wish: { stop: stop.signal, kill: kill.signal }, pollMilliseconds: 100,
  };
  const key = { kind: resource.kind, namespace: 'default', name: resource.metadata.name };
  return {
    done: runResource(resource, options), stop: () => stop.abort(), kill: () => kill.abort(),
    status: () => load(places, key)?.status,
    pids: () => JSON.parse(readIfThere(places.pods(key)) ?? '[]') as ProcessId[],
  };
}

/** The limit is for a machine that does ten other things; who waits for a condition waits no longer than for it. */
async function until(what: string, holds: () => boolean, seconds = 120): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !holds(); await sleep(20)) assert.ok(Date.now() < end, `waited ${seconds} s until ${what}`);
}
const stepOf = (running: Running): number => running.status()?.progress?.step ?? 0;
const conditionOf = (stored: Stored, type: string) => stored.status?.conditions?.find((one) => one.type === type);
const logPath = (name: string, attempt: number, worker: number): string => places.log({ kind: 'SRDiTTraining', namespace: 'default', name }, attempt, worker);
const logOf = (name: string, attempt: number, worker: number): string => readFileSync(logPath(name, attempt, worker), 'utf8');
const logSoFar = (name: string, attempt: number, worker: number): string => readIfThere(logPath(name, attempt, worker)) ?? '';

test('a training of two workers runs to its end, and its status can be read on the way', async () => {
  const read: (Status | undefined)[] = [];
  const running = start(trainingOf('whole'), { SRDIT_TEST_STEP_MS: '50' }, { ...silentDisplay, update: () => { read.push(running.status()); } });
  const stored = await running.done;
  assert.ok(read.some((status) => status?.state === 'Running' && (status.progress?.step ?? 0) > 0 && (status.progress?.step ?? 60) < 60));
  assert.deepEqual([stored.status?.state, exitCodeOf(stored)], ['Complete', 0]);
  const { progress, checkpoints, attempt } = stored.status as Status;
  assert.deepEqual([progress?.step, progress?.percent, checkpoints?.last?.step, attempt], [60, 100, 60, 1]);
  assert.match(logOf('whole', 1, 0), /^\[rank 0\] Rank 0 goes on from step 0/m);
  assert.match(logOf('whole', 1, 1), /^\[rank 1\] Done at step 60/m);
  // In a namespace of its own the gang sees the loopback device and nothing else.
  if (isolated.why === undefined) assert.match(logOf('whole', 1, 0), /networks 1$/m);

  const again = await start(trainingOf('whole')).done;
  assert.deepEqual(again.status, stored.status, 'complete stays complete');
  const more = await start(trainingOf('whole', { steps: 80 })).done;
  assert.deepEqual([more.metadata.generation, more.status?.attempt, (more.status as Status).progress?.step], [2, 2, 80]);
  assert.match(logOf('whole', 2, 0), /goes on from step 60/);
});

test('stopped once, all ranks checkpoint at the same step; the same again goes on from there', async () => {
  const first = start(trainingOf('stopped'), LEISURELY);
  await until('step 5', () => stepOf(first) >= 5);
  first.stop();
  const stored = await first.done;
  assert.deepEqual([stored.status?.state, exitCodeOf(stored)], ['Suspended', 75]);
  const step = (stored.status as Status).checkpoints?.last?.step ?? 0;
  for (const worker of [0, 1]) assert.match(logOf('stopped', 1, worker), new RegExp(`Stopped at step ${step}$`, 'm'));
  const second = await start(trainingOf('stopped')).done;
  assert.deepEqual([second.status?.state, second.status?.attempt, second.status?.restarts?.charged], ['Complete', 2, 0]);
  assert.match(logOf('stopped', 2, 1), new RegExp(`goes on from step ${step}`));
});

test('TERM to any rank stops the run', async () => {
  const running = start(trainingOf('told'), LEISURELY);
  await until('step 5', () => stepOf(running) >= 5);
  process.kill(running.pids().at(-1)?.pid ?? 0, 'SIGTERM');
  assert.equal(exitCodeOf(await running.done), 75);
});

test('stopped twice, the ranks are killed', async () => {
  const running = start(trainingOf('hurried', { steps: 10_000 }), { SRDIT_TEST_STEP_MS: '600000' });
  // A rank that does not listen yet ends by the first signal.
  for (const worker of [0, 1]) await until(`rank ${worker} has begun`, () => /goes on from step 0/.test(logSoFar('hurried', 1, worker)));
  await until('all run', () => running.status()?.state === 'Running');
  running.stop();
  await until('it is stopping', () => running.status()?.state === 'Suspending');
  running.kill();
  const stored = await running.done;
  assert.deepEqual([stored.status?.state, exitCodeOf(stored)], ['Suspended', 75]);
});

test('kill -9 of a rank: the next attempt goes on from the newest checkpoint; a second time the budget is spent', async () => {
  const running = start(trainingOf('killed', { steps: 200 }), LEISURELY);
  await until('a checkpoint', () => (running.status()?.checkpoints?.last?.step ?? 0) >= 10);
  process.kill(running.pids()[1]?.pid ?? 0, 'SIGKILL');
  await until('attempt 2 runs', () => running.status()?.attempt === 2 && running.status()?.state === 'Running');
  await until('it goes on from a checkpoint', () => /goes on from step [1-9]\d*0,/.test(logSoFar('killed', 2, 0)));
  assert.equal(running.status()?.restarts?.charged, 1);
  process.kill(running.pids()[0]?.pid ?? 0, 'SIGKILL');
  const stored = await running.done;
  assert.deepEqual([stored.status?.state, exitCodeOf(stored), conditionOf(stored, 'Failed')?.reason], ['Failed', 1, 'RestartsSpent']);
  assert.match(conditionOf(stored, 'Failed')?.message ?? '', /Worker 0 ended with exit code 137/);
});

test('ranks that were told to go for a restart are not taken for ranks that somebody wants to stop', async () => {
  const stored = await start(trainingOf('slow', { noProgressSeconds: 1 }), { SRDIT_TEST_STEP_MS: '1500' }).done;
  assert.deepEqual([stored.status?.state, stored.status?.attempt, conditionOf(stored, 'Failed')?.reason], ['Failed', 2, 'RestartsSpent']);
});

test('wrong configuration fails at once with the sentence; mended, it runs', async () => {
  const stored = await start(trainingOf('wrong', { data: { uri: 'file:///data/missing', teacherFeatures: false } })).done;
  assert.deepEqual([exitCodeOf(stored), stored.status?.attempt], [64, 1]);
  assert.match(conditionOf(stored, 'Failed')?.message ?? '', /^Cannot find the data set "file:\/\/\/data\/missing"/);
  const again = await start(trainingOf('wrong', { data: { uri: 'file:///data/missing', teacherFeatures: false } })).done;
  assert.deepEqual([exitCodeOf(again), again.status?.attempt], [64, 2], 'a person may try again');
});

test('a loss that is no number ends with 65', async () => {
  const stored = await start(trainingOf('diverged'), { SRDIT_TEST_END: '65@7' }).done;
  assert.deepEqual([exitCodeOf(stored), conditionOf(stored, 'Stalled')?.reason], [65, 'Diverged']);
});

test('an evaluation takes the checkpoint of its training, and its result comes into the status', async () => {
  await start(trainingOf('base', { steps: 20 })).done;
  const stored = await start(parseResource({
    apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name: 'measured' },
    spec: { checkpoint: { training: { name: 'base' } }, count: 10, reference: { data: 'file:///data/packed' }, storage: { uri: 'file:///runs/measured' }, gang: { gpu: { perRank: 0 } } },
  })).done;
  const [result] = (stored.status as Status).results ?? [];
  assert.deepEqual([stored.status?.state, result?.frechetDistance, result?.checkpoint], ['Complete', 1.5, 'file:///runs/base/attempts/1/checkpoints/000000020']);
});

const everyOf = (name: string, training: string, spec: Record<string, unknown> = {}): Resource => parseResource({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name },
  spec: {
    checkpoint: { training: { name: training, which: 'Every', everySteps: 100 } }, count: 10, reference: { data: 'file:///data/packed' }, storage: { uri: `file:///runs/${name}` }, gang: { gpu: { perRank: 0 } }, ...spec,
  },
});

/** Several resources as one command runs them. */
function startAll(resources: readonly Resource[], environment: Record<string, string> = {}, display: Display = silentDisplay, stop = new AbortController().signal): Promise<RunAllResult> {
  Object.assign(process.env, { SRDIT_TEST_STEP_MS: '20', SRDIT_TEST_END: '', SRDIT_FILE_ROOT: places.volumes }, environment);
  return runAll(resources, { layout: places, runtime: [process.execPath, CONTRACT_RANK], isolation: isolated, display, verbose: false, wish: { stop, kill: new AbortController().signal }, pollMilliseconds: 100 });
}

test('an evaluation of every checkpoint goes on beside its training, a gang a checkpoint, and is complete with it', async () => {
  let beside = false;
  const states = new Map<string, string | undefined>();
  const display: Display = {
    ...silentDisplay,
    update: ({ kind, status }) => {
      states.set(kind, status?.state);
      beside ||= kind === 'SRDiTEvaluation' && status?.state === 'Running' && states.get('SRDiTTraining') === 'Running';
    },
  };
  const training = trainingOf('watched', { steps: 300, checkpoints: { everySteps: 100, keep: 5 } });
  const { exitCode, results } = await startAll([everyOf('curve', 'watched'), training], { SRDIT_TEST_STEP_MS: '50' }, display);
  assert.deepEqual([exitCode, results.map(({ kind, status }) => [kind, status?.state])], [0, [['SRDiTTraining', 'Complete'], ['SRDiTEvaluation', 'Complete']]]);
  assert.ok(beside, 'a gang measures while the training goes on');
  const { attempt, restarts, series, results: measured } = results[1]?.status as Status;
  assert.deepEqual([attempt, restarts, series], [3, { charged: 0, free: 0 }, { through: 300, measured: 3 }]);
  assert.deepEqual(measured?.map(({ step, checkpoint }) => [step, checkpoint]), [300, 200, 100].map((step) => [step, `file:///runs/watched/attempts/1/checkpoints/000000${step}`]));
  const again = await startAll([everyOf('curve', 'watched')]);
  assert.deepEqual(again.results[0]?.status, results[1]?.status, 'complete stays complete');
  // A training that goes on takes its evaluation along.
  const more = await startAll([trainingOf('watched', { steps: 400, checkpoints: { everySteps: 100, keep: 5 } }), everyOf('curve', 'watched')]);
  assert.deepEqual([more.exitCode, (more.results[1]?.status as Status).results?.map(({ step }) => step)], [0, [400, 300, 200, 100]]);
});

test('stopped in a round, both stop; the same again goes on with both, the round with its checkpoint', async () => {
  const both = [trainingOf('halted', { steps: 300, checkpoints: { everySteps: 100, keep: 5 } }), everyOf('halted', 'halted', { count: 40 })];
  const stop = new AbortController();
  const display: Display = { ...silentDisplay, update: ({ kind, status }) => { if (kind === 'SRDiTEvaluation' && status?.state === 'Running') stop.abort(); } };
  const first = await startAll(both, LEISURELY, display, stop.signal);
  assert.deepEqual([first.exitCode, first.results.map(({ status }) => status?.state), (first.results[1]?.status as Status).series?.round?.step], [75, ['Suspended', 'Suspended'], 100]);
  const { exitCode, results } = await startAll(both);
  const { attempt, restarts, series, results: measured } = results[1]?.status as Status;
  assert.deepEqual([exitCode, attempt, restarts?.charged, series, measured?.map(({ step }) => step)], [0, 4, 0, { through: 300, measured: 3 }, [300, 200, 100]]);
});

test('an evaluation of every checkpoint does not wait for a training that nobody goes on with', async () => {
  const { exitCode, results } = await startAll([trainingOf('hopeless', { data: { uri: 'file:///data/missing', teacherFeatures: false } }), everyOf('waiting', 'hopeless')]);
  assert.deepEqual([exitCode, results.map(({ status }) => status?.state)], [64, ['Failed', 'Suspended']]);
  assert.match(conditionOf(results[1] as Stored, 'Suspended')?.message ?? '', /^SRDiTTraining "hopeless" does not run any more; /);
});

test('two at once: the second is refused with a sentence', async () => {
  const first = start(trainingOf('twice'), LEISURELY);
  await until('it runs', () => first.status()?.state === 'Running');
  await assert.rejects(start(trainingOf('twice')).done, /Cannot run SRDiTTraining "twice": process \d+ runs it already/);
  first.stop();
  await first.done;
});

test('a change that the rules forbid is refused with their sentence', async () => {
  await start(trainingOf('changed', { steps: 5 })).done;
  await assert.rejects(start(trainingOf('changed', { steps: 5, storage: { uri: 'file:///runs/elsewhere' } })).done, /ResourceError|storage/);
});

test('kill -9 of the executor: its ranks die with it, and the next run goes on', async () => {
  const script = fileURLToPath(new URL('testing/run-one.ts', import.meta.url));
  const resource = trainingOf('orphaned', { steps: 150 });
  const child: ChildProcess = spawn(process.execPath, [script, root, CONTRACT_RANK, JSON.stringify(resource)], { stdio: 'inherit', env: { ...process.env, ...LEISURELY, SRDIT_TEST_END: '', SRDIT_FILE_ROOT: places.volumes } });
  const key = { kind: resource.kind, namespace: 'default', name: 'orphaned' };
  const status = (): Status | undefined => load(places, key)?.status;
  await until('a checkpoint', () => (status()?.checkpoints?.last?.step ?? 0) >= 10);
  const pids = JSON.parse(readIfThere(places.pods(key)) ?? '[]') as ProcessId[];
  assert.deepEqual(pids.map(isRunning), [true, true]);
  child.kill('SIGKILL');
  await until('the ranks are gone', () => !pids.some(isRunning));
  const stored = await start(resource).done;
  assert.deepEqual([stored.status?.state, stored.status?.attempt], ['Complete', 2]);
  assert.match(logOf('orphaned', 2, 0), /goes on from step [1-9]/);
});
