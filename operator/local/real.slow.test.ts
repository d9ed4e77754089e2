/** The local executor with the real runtime: TensorFlow, gangs of two processes, checkpoints on disk. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import type { Status } from '../plan/types.ts';
import { layout, readIfThere } from './files.ts';
import { load, type Stored } from './state.ts';
import type { ProcessId } from './process-id.ts';
import { cliRun, type Ended } from './testing/cli-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'srdit-real-'));
const root = join(folder, '.srdit');
const places = layout(root);
after(() => rmSync(folder, { recursive: true, force: true }));

before(async () => {
  await packedPictures(join(folder, 'source'), new FileStorage('file:///data/tiny', join(places.volumes, 'data/tiny')));
});

/** More than pass between two looks at the progress. */
const STEPS = 600;

const training = (name: string, spec: Record<string, unknown> = {}): Record<string, unknown> => ({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name },
  spec: {
    model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 4, classToken: false }, objective: { alignment: { enabled: false } },
    data: { uri: 'file:///data/tiny', teacherFeatures: false }, batchSize: 16, steps: STEPS, precision: 'float32', storage: { uri: `file:///runs/${name}` },
    checkpoints: { everySteps: 100 }, samples: { everySteps: STEPS, count: 4, sampler: { steps: 4 } },
    gang: { workers: 2, maxRestarts: 1, backoffSeconds: 0.1, gpu: { perRank: 0 } }, ...spec,
  },
});

const run = (...resources: Record<string, unknown>[]) => cliRun(folder, resources);

const keyOf = (name: string, kind = 'SRDiTTraining') => ({ kind, namespace: 'default', name });
const stored = (name: string, kind?: string): Stored | undefined => load(places, keyOf(name, kind));
const statusOf = (name: string, kind?: string): Status => (stored(name, kind)?.status ?? {});
const log = (name: string, attempt: number, worker = 0): string => readIfThere(places.log(keyOf(name), attempt, worker)) ?? '';
const volume = (uri: string): string => places.volumes + uri.slice('file://'.length);
const trained = (uri: string): string[] => ['model', 'ema', 'optimizer'].map((file) => (readFileSync(join(volume(uri), `${file}.safetensors`)).toString('base64')));

async function until(what: string, running: { child: ChildProcess; ended: Promise<Ended> }, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 10 * 60_000; !holds(); await sleep(50)) {
    assert.ok(running.child.exitCode === null, `ended before ${what}: ${running.child.exitCode === null ? '' : (await running.ended).output}`);
    assert.ok(Date.now() < end, `waited 10 minutes until ${what}`);
  }
}

let undisturbed: string[];

const evaluation = (name: string, checkpoint: Record<string, unknown>): Record<string, unknown> => ({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name },
  spec: {
    checkpoint, reference: { data: 'file:///data/tiny' }, count: 16, batchSize: 8, sampler: { steps: 4 },
    storage: { uri: `file:///evaluations/${name}` }, gang: { workers: 2, gpu: { perRank: 0 } },
  },
});

test('two ranks train to the end; an evaluation measures the checkpoint', async () => {
  const { code, output } = await run(evaluation('whole', { training: { name: 'whole' } }), training('whole')).ended;
  assert.equal(code, 0, output);
  const { state, checkpoints, progress, samples, attempt } = statusOf('whole');
  assert.deepEqual([state, attempt, progress?.step, progress?.percent, checkpoints?.last?.step, samples?.step], ['Complete', 1, STEPS, 100, STEPS, STEPS]);
  const [kept, older] = [checkpoints?.newest?.slice(0, 3), checkpoints?.newest?.slice(3)];
  assert.deepEqual(kept?.map(({ step }) => step), [600, 500, 400]);
  // Besides those only the best is kept.
  assert.ok(older?.every(({ uri }) => uri === checkpoints?.best?.uri));
  assert.ok(existsSync(volume(samples?.uri ?? '')));
  undisturbed = trained(checkpoints?.last?.uri ?? '');
  assert.match(output, /training whole: complete, 600 steps, loss [\d.]+ in /);

  const [result] = statusOf('whole', 'SRDiTEvaluation').results ?? [];
  assert.deepEqual([result?.checkpoint, result?.step, result?.count, result?.features], [checkpoints?.last?.uri, STEPS, 16, 'pixels 8x8']);
  assert.ok(Number.isFinite(result?.frechetDistance) && existsSync(volume(result?.grid ?? '')) && existsSync(volume(result?.samples ?? '')));
});

test('an evaluation of a damaged checkpoint ends with 64 and the sentence', async () => {
  const { uri } = statusOf('whole').checkpoints?.last ?? { uri: '' };
  const damaged = 'file:///elsewhere/damaged';
  cpSync(volume(uri), volume(damaged), { recursive: true });
  const file = join(volume(damaged), 'ema.safetensors');
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const { code, output } = await run(evaluation('damaged', { uri: damaged })).ended;
  assert.equal(code, 64, output);
  const failed = statusOf('damaged', 'SRDiTEvaluation').conditions?.find(({ type }) => type === 'Failed');
  assert.deepEqual([failed?.status, failed?.reason], ['True', 'WrongConfiguration']);
  assert.match(failed?.message ?? '', /the sha256 of "ema\.safetensors" is not the one in its manifest, so the file was damaged or changed\. Use another checkpoint/);
});

test('stopped, it ends with 75 and a checkpoint of the step it was at; the same command goes on to the same bits', async () => {
  const first = run(training('stopped'));
  await until('step 5', first, () => (statusOf('stopped').progress?.step ?? 0) >= 5);
  first.child.kill('SIGINT');
  const { code, output } = await first.ended;
  assert.equal(code, 75, output);
  const { state, checkpoints, progress } = statusOf('stopped');
  assert.deepEqual([state, checkpoints?.last?.step], ['Suspended', progress?.step]);
  for (const worker of [0, 1]) assert.match(log('stopped', 1, worker), new RegExp(`Stopped on request after step ${progress?.step ?? 0} of 600`));
  const again = await run(training('stopped')).ended;
  assert.equal(again.code, 0, again.output);
  assert.match(log('stopped', 2), new RegExp(`Going on from step ${progress?.step ?? 0}:`));
  const { last } = statusOf('stopped').checkpoints ?? {};
  assert.equal(last?.step, STEPS);
  // The same training without the stop ended with these very parameters, moments and averages.
  assert.ok(trained(last.uri).every((bytes, index) => bytes === undisturbed[index]));
});

test('kill -9 of a rank: the next attempt goes on from the newest checkpoint to the same bits', async () => {
  const running = run(training('killed'));
  await until('a checkpoint', running, () => (statusOf('killed').checkpoints?.last?.step ?? 0) >= 100);
  const pids = JSON.parse(readIfThere(places.pods(keyOf('killed'))) ?? '[]') as ProcessId[];
  // A worker's only rank is its child.
  const [rank] = readFileSync(`/proc/${pids[1]?.pid ?? 0}/task/${pids[1]?.pid ?? 0}/children`, 'utf8').trim().split(' ').map(Number);
  process.kill(rank ?? 0, 'SIGKILL');
  const { code, output } = await running.ended;
  assert.equal(code, 0, output);
  const { attempt, restarts, checkpoints } = statusOf('killed');
  assert.deepEqual([attempt, restarts?.charged, checkpoints?.last?.step], [2, 1, STEPS]);
  assert.match(log('killed', 2), /Going on from step [1-5]00:/);
  assert.match(output, /restarting as attempt 2\. Worker 1 ended with exit code 137/);
  assert.ok(trained(checkpoints?.last?.uri ?? '').every((bytes, index) => bytes === undisturbed[index]));
});

const wrong: Record<string, { spec: Record<string, unknown>; says: RegExp }> = {
  'no data set': { spec: { data: { uri: 'file:///data/none', teacherFeatures: false } }, says: /file:\/\/\/data\/none.*\. Pack|file:\/\/\/data\/none/ },
  'more classes than the model has': { spec: { model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 2, classToken: false } }, says: /has 4 classes but model\.numClasses is 2\. Set model\.numClasses to 4/ },
  'a batch larger than the data set': { spec: { batchSize: 128 }, says: /has 64 pictures\. Set spec\.batchSize to at most that/ },
};
for (const [name, { spec, says }] of Object.entries(wrong)) {
  test(`${name}: exit code 64 and the sentence, nothing written`, async () => {
    const id = name.replaceAll(' ', '-');
    const { code, output } = await run(training(id, spec)).ended;
    assert.equal(code, 64, output);
    assert.match(output, says);
    const attempts = join(places.volumes, 'runs', id, 'attempts');
    assert.deepEqual(existsSync(attempts) ? readdirSync(attempts, { recursive: true, encoding: 'utf8' }).filter((path) => /checkpoints|samples/.test(path)) : [], []);
  });
}
