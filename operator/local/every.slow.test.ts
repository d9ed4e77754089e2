/** An evaluation of every checkpoint with the real runtime: beside its training, killed in a round, and long after it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import type { Status } from '../plan/types.ts';
import { layout, readIfThere } from './files.ts';
import { load } from './state.ts';
import type { ProcessId } from './process-id.ts';
import { cliRun } from './testing/cli-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'srdit-every-'));
const places = layout(join(folder, '.srdit'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  await packedPictures(join(folder, 'source'), new FileStorage('file:///data/tiny', join(places.volumes, 'data/tiny')));
});

/** Seven checkpoints that have their turn, more than the status of a training lists. */
const STEPS = 700;
const training = (name: string, checkpoints: Record<string, number>): Record<string, unknown> => ({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name },
  spec: {
    model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 4, classToken: false }, objective: { alignment: { enabled: false } },
    data: { uri: 'file:///data/tiny', teacherFeatures: false }, batchSize: 16, steps: STEPS, precision: 'float32', storage: { uri: `file:///runs/${name}` },
    checkpoints, samples: { everySteps: 0 }, gang: { gpu: { perRank: 0 } },
  },
});
const evaluation = (name: string, trained: string, everySteps: number, spec: Record<string, unknown> = {}): Record<string, unknown> => ({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name },
  spec: {
    checkpoint: { training: { name: trained, which: 'Every', everySteps } }, reference: { data: 'file:///data/tiny' }, count: 16, batchSize: 8, sampler: { steps: 4 },
    storage: { uri: `file:///evaluations/${name}` }, gang: { workers: 2, backoffSeconds: 0.1, gpu: { perRank: 0 } }, ...spec,
  },
});

const run = (...resources: Record<string, unknown>[]) => cliRun(folder, resources);
const keyOf = (name: string, kind: string) => ({ kind, namespace: 'default', name });
const statusOf = (name: string, kind = 'SRDiTEvaluation'): Status => load(places, keyOf(name, kind))?.status ?? {};
const place = (name: string, step: number): string => join(places.volumes, 'evaluations', name, 'checkpoints', String(step).padStart(9, '0'));
const pictures = (name: string, step: number): string[] => (existsSync(join(place(name, step), 'pictures')) ? readdirSync(join(place(name, step), 'pictures')) : []);
const resultOf = (name: string, step: number) => JSON.parse(readFileSync(join(place(name, step), 'result.json'), 'utf8')) as { step: number; frechetDistance: number; checkpoint: string };

test('beside the training: one round a checkpoint, each with its own pictures and result; the final one too', async () => {
  const { code, output } = await run(evaluation('beside', 'watched', 300), training('watched', { everySteps: 100, keep: 10 })).ended;
  assert.equal(code, 0, output);
  const { state, attempt, restarts, results, series } = statusOf('beside');
  assert.deepEqual([state, attempt, restarts, series], ['Complete', 3, { charged: 0, free: 0 }, { through: 700, measured: 3 }], output);
  assert.deepEqual(results?.map(({ step }) => step), [700, 600, 300]);
  for (const { step, checkpoint, frechetDistance, samples, grid } of results) {
    assert.equal(checkpoint, `file:///runs/watched/attempts/1/checkpoints/${String(step).padStart(9, '0')}`);
    assert.deepEqual([samples, grid].map((uri) => uri?.slice('file://'.length)), ['samples.npz', 'grid.png'].map((file) => join(place('beside', step), file).slice(places.volumes.length)));
    // The status has five digits.
    assert.deepEqual([Number(resultOf('beside', step).frechetDistance.toPrecision(5)), pictures('beside', step).length], [frechetDistance, 16]);
  }
  assert.equal(new Set(results.map(({ frechetDistance }) => frechetDistance)).size, 3, 'three checkpoints, three distances');
  assert.match(output, /evaluation beside: step 300: 16 pictures, Fréchet distance of pixels 8x8 /);
  assert.match(output, /evaluation beside: complete, 3 checkpoints measured, step 700: /);
});

test('after the training: all that storage holds is measured, oldest first, though its status lists five', async () => {
  assert.equal(statusOf('watched', 'SRDiTTraining').checkpoints?.newest?.length, 5);
  const running = run(evaluation('after', 'watched', 100, { gang: { backoffSeconds: 0.1, gpu: { perRank: 0 } } }));
  const { code, output } = await running.ended;
  assert.equal(code, 0, output);
  assert.deepEqual(statusOf('after').results?.map(({ step }) => step), [700, 600, 500, 400, 300, 200, 100]);
  assert.deepEqual(statusOf('after').series, { through: 700, measured: 7 });
  // The same checkpoint, seed and sampler give the same pictures, whoever drew them.
  assert.deepEqual(readFileSync(join(place('after', 300), 'pictures/000003.png')), readFileSync(join(place('beside', 300), 'pictures/000003.png')));
});

test('killed in a round, it goes on with the pictures that are missing; what retention took before is skipped and said', async () => {
  const first = await run(training('kept', { everySteps: 100, keep: 2 })).ended;
  assert.equal(first.code, 0, first.output);
  const left = readdirSync(join(places.volumes, 'runs/kept/attempts/1/checkpoints')).map(Number);
  const running = run(evaluation('killed', 'kept', 100, { count: 160, sampler: { steps: 64 } }));
  const [step = 0] = left;
  for (const end = Date.now() + 10 * 60_000; pictures('killed', step).length < 40; await sleep(50)) {
    assert.ok(running.child.exitCode === null && Date.now() < end, `no pictures of step ${step}`);
  }
  const pids = JSON.parse(readIfThere(places.pods(keyOf('killed', 'SRDiTEvaluation'))) ?? '[]') as ProcessId[];
  const [rank] = readFileSync(`/proc/${pids[0]?.pid ?? 0}/task/${pids[0]?.pid ?? 0}/children`, 'utf8').trim().split(' ').map(Number);
  process.kill(rank ?? 0, 'SIGKILL');
  const finished = pictures('killed', step).slice(0, 16).map((file) => join(place('killed', step), 'pictures', file));
  const inodes = finished.map((file) => statSync(file).ino);
  const { code, output } = await running.ended;
  assert.equal(code, 0, output);
  const { attempt, restarts, results, series } = statusOf('killed');
  assert.deepEqual([attempt, restarts?.charged, results?.map((result) => result.step)], [left.length + 1, 1, left.toReversed()]);
  // The best of them may be kept besides the two newest.
  assert.deepEqual(series, { through: 700, measured: left.length, skipped: { count: 7 - left.length, last: Math.max(...[1, 2, 3, 4, 5, 6].map((hundred) => hundred * 100).filter((one) => !left.includes(one))) } });
  assert.deepEqual(finished.map((file) => statSync(file).ino), inodes, 'finished pictures were not drawn again');
  assert.match(output, /were gone before their turn/);
});

test('a damaged checkpoint is noted, and the others are measured', async () => {
  const first = await run(training('flawed', { everySteps: 100, keep: 10 })).ended;
  assert.equal(first.code, 0, first.output);
  const uri = (step: number): string => `file:///runs/flawed/attempts/1/checkpoints/${String(step).padStart(9, '0')}`;
  const at = (step: number, file: string): string => join(places.volumes, uri(step).slice('file://'.length), file);
  // One bit is another one, one file is missing, one manifest was cut off.
  const weights = readFileSync(at(200, 'ema.safetensors'));
  weights[weights.length - 1] = (weights.at(-1) ?? 0) ^ 1;
  writeFileSync(at(200, 'ema.safetensors'), weights);
  rmSync(at(400, 'ema.safetensors'));
  truncateSync(at(700, 'manifest.json'), 100);
  const { code, output } = await run(evaluation('flawed', 'flawed', 100)).ended;
  assert.equal(code, 0, output);
  const { state, attempt, restarts, results, series, conditions } = statusOf('flawed');
  assert.deepEqual([state, attempt, restarts, results?.map(({ step }) => step)], ['Complete', 7, { charged: 0, free: 0 }, [600, 500, 300, 100]], output);
  const sentences = [
    [700, 'its manifest.json is not JSON'], [400, '"ema.safetensors" is missing'],
    [200, 'the sha256 of "ema.safetensors" is not the one in its manifest, so the file was damaged or changed'],
  ] as const;
  assert.deepEqual(series, { through: 700, measured: 4, damaged: { count: 3, newest: sentences.map(([step, why]) => ({ checkpoint: uri(step), step, message: `Cannot read checkpoint "${uri(step)}": ${why}. Use another checkpoint` })) } });
  assert.equal(conditions?.find(({ type }) => type === 'Complete')?.message, '4 checkpoints were measured; 3 are damaged, as status.series.damaged tells');
  assert.match(output, /evaluation flawed: step 200 is passed over\. Cannot read checkpoint/);
  assert.match(output, /evaluation flawed: complete, 4 checkpoints measured \(3 are damaged\), step 600: /);
});
