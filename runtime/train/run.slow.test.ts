import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ExitCode, RunConfig, TrainingSpec } from '@srdit/crds';
import { parseManifest, type Manifest } from '../checkpoint/manifest.ts';
import { openStorage } from '../storage/open.ts';
import { readMetrics } from './metrics.ts';
import { packTestData } from './testing/data.ts';
import { startWorker, type Ended, type Worker } from './testing/worker.ts';

const root = await mkdtemp(join(tmpdir(), 'srdit-train-'));
after(() => rm(root, { recursive: true, force: true }));
await packTestData(join(root, 'data'));

/** The YAML of a user, small: every technique that needs no teacher is on. */
const specOf = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  seed: 3, model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 3, classToken: false }, objective: { alignment: { enabled: false } },
  data: { uri: 'file:///data', teacherFeatures: false }, batchSize: 8, steps: 8, precision: 'float32', storage: { uri: `file:///runs/${name}` },
  optimizer: { learningRate: 1e-3, warmupSteps: 2 }, checkpoints: { everySteps: 4, keep: 3 }, metrics: { everySteps: 2 },
  samples: { everySteps: 4, count: 4, sampler: { kind: 'Heun', steps: 3, guidance: { scale: 1.5 } } }, ...more,
});
const configOf = (name: string, ranks: number, attempt: number, more: Record<string, unknown> = {}): RunConfig => RunConfig.parse({
  kind: 'SRDiTTraining', namespace: 'default', name, uid: `uid-${name}`, generation: 1, attempt,
  spec: TrainingSpec.parse(specOf(name, { gang: { workers: 1, ranksPerWorker: ranks, gpu: { perRank: 0 } }, ...more })),
});
const start = (name: string, ranks: number, attempt = 1, more: Record<string, unknown> = {}): Promise<Worker> => startWorker(configOf(name, ranks, attempt, more), root);
const run = async (name: string, ranks: number, attempt = 1, more: Record<string, unknown> = {}): Promise<Ended> => (await start(name, ranks, attempt, more)).done;

const folderOf = (name: string, attempt: number, step: number): string => join(root, 'runs', name, 'attempts', String(attempt), 'checkpoints', String(step).padStart(9, '0'));
const manifestOf = async (name: string, attempt: number, step: number): Promise<Manifest> => parseManifest(await readFile(join(folderOf(name, attempt, step), 'manifest.json')), name);
/** Names and digests: equal means equal to the bit. */
const digests = async (name: string, attempt: number, step: number): Promise<string[]> => (await manifestOf(name, attempt, step)).files.map((file) => `${file.name} ${file.sha256}`);

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 240_000; !holds(); await sleep(50)) assert.ok(Date.now() < end, `waited in vain until ${what}`);
}
/** Ranks of a worker, as its children. */
async function ranksOf(worker: Worker): Promise<number[]> {
  const pid = worker.process.pid as number;
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').map(Number);
}

for (const ranks of [1, 2]) {
  test(`${ranks} rank(s): straight, stopped and resumed, killed and resumed end with the same bits`, async () => {
    const [straight, stopped, killed] = [`straight-${ranks}`, `stopped-${ranks}`, `killed-${ranks}`];
    const more = { steps: 40, samples: { everySteps: 0 } };
    const whole = await run(straight, ranks, 1, more);
    assert.equal(whole.exitCode, ExitCode.Done, whole.output);
    assert.deepEqual([whole.word.step, whole.word.checkpoint?.step], [40, 40]);

    const told = await start(stopped, ranks, 1, more);
    await until('a checkpoint is there', () => existsSync(join(folderOf(stopped, 1, 4), 'manifest.json')));
    told.process.kill('SIGTERM');
    const ended = await told.done;
    assert.equal(ended.exitCode, ExitCode.Stopped, ended.output);
    const at = ended.word.step as number;
    assert.ok(at < 40 && ended.word.checkpoint?.step === at, ended.output);
    const resumed = await run(stopped, ranks, 2, more);
    assert.equal(resumed.exitCode, ExitCode.Done, resumed.output);
    assert.match(resumed.output, new RegExp(`Going on from step ${at}:`));
    assert.deepEqual(await digests(stopped, 2, 40), await digests(straight, 1, 40));

    const victim = await start(killed, ranks, 1, more);
    await until('a checkpoint is there', () => existsSync(join(folderOf(killed, 1, 8), 'manifest.json')));
    process.kill((await ranksOf(victim)).at(-1) as number, 'SIGKILL');
    const lost = await victim.done;
    assert.equal(lost.exitCode, 137, lost.output);
    if (ranks === 2) assert.match(lost.output, /\[rank 0\] .*Rank 1 is gone/);
    const again = await run(killed, ranks, 2, more);
    assert.equal(again.exitCode, ExitCode.Done, again.output);
    assert.deepEqual(await digests(killed, 2, 40), await digests(straight, 1, 40));
    assert.deepEqual((await manifestOf(killed, 2, 40)).data, (await manifestOf(straight, 1, 40)).data);
  });
}

test('metrics, samples and checkpoints are in storage; the loss falls; nothing is done twice', async () => {
  const ended = await run('whole', 2, 1, { steps: 60, checkpoints: { everySteps: 20, keep: 2 }, samples: { everySteps: 30, count: 5, sampler: { kind: 'SDE', steps: 4 } } });
  assert.equal(ended.exitCode, ExitCode.Done, ended.output);
  const lines = await readMetrics(openStorage('file:///runs/whole', { SRDIT_FILE_ROOT: root }));
  assert.deepEqual(lines.map((line) => line.step), Array.from({ length: 30 }, (_, i) => 2 * i + 2));
  const mean = (some: typeof lines): number => some.reduce((sum, line) => sum + line.loss, 0) / some.length;
  assert.ok(mean(lines.slice(-8)) < 0.8 * mean(lines.slice(0, 3)), `${mean(lines.slice(0, 3))} -> ${mean(lines.slice(-8))}`);
  const attempt = join(root, 'runs/whole/attempts/1');
  assert.deepEqual((await readdir(join(attempt, 'samples'))).sort(), ['000000030.png', '000000060.png']);
  assert.ok((await readdir(join(attempt, 'tensorboard'))).every((name) => name.startsWith('events.out.tfevents.')));
  const kept = await readdir(join(attempt, 'checkpoints'));
  assert.ok(kept.includes('000000060') && kept.length <= 3, kept.join());
  const again = await run('whole', 2, 2, { steps: 60 });
  assert.deepEqual([again.exitCode, again.word.step, again.word.checkpoint?.step], [0, 60, 60], again.output);
});

test('accumulated micro-batches train on', async () => {
  const ended = await run('accumulated', 2, 1, { accumulation: 2, samples: { everySteps: 0 } });
  assert.equal(ended.exitCode, ExitCode.Done, ended.output);
  assert.equal((await manifestOf('accumulated', 1, 8)).data.position + (await manifestOf('accumulated', 1, 8)).data.epoch * 48, 8 * 2 * 8);
});

test('a damaged checkpoint is passed over aloud, for the one before', async () => {
  await run('damaged', 1, 1, { samples: { everySteps: 0 } });
  await appendFile(join(folderOf('damaged', 1, 8), 'ema.safetensors'), 'x');
  const ended = await run('damaged', 1, 2, { samples: { everySteps: 0 } });
  assert.equal(ended.exitCode, ExitCode.Done, ended.output);
  assert.match(ended.output, /Passing over a checkpoint: .*000000008.*ema\.safetensors/);
  assert.match(ended.output, /Going on from step 4:/);
  assert.deepEqual(await digests('damaged', 2, 8), await digests('damaged', 1, 8));
});

test('a loss that is no number ends with 65 and names the last good checkpoint', async () => {
  const ended = await run('diverged', 1, 1, { optimizer: { learningRate: 1e18, warmupSteps: 0, maxGradNorm: 1e30 }, checkpoints: { everySteps: 1 }, samples: { everySteps: 0 } });
  assert.equal(ended.exitCode, ExitCode.Diverged, ended.output);
  assert.match(ended.word.message, /diverged: the loss of step \d+ is NaN.*Lower optimizer\.learningRate/);
  if (ended.word.checkpoint !== undefined) assert.ok(existsSync(join(root, ended.word.checkpoint.uri.slice('file:///'.length), 'manifest.json')));
});

const refused: Record<string, { more: Record<string, unknown>; reason: string; says: RegExp }> = {
  'a data set that is not there': { more: { data: { uri: 'file:///nowhere', teacherFeatures: false } }, reason: 'NotFound', says: /index\.json/ },
  'a data set without teacher features': { more: { data: { uri: 'file:///data', teacherFeatures: true } }, reason: 'NoFeatures', says: /holds no teacher features/ },
  'fewer classes than the data has': { more: { model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 2, classToken: false } }, reason: 'TooManyClasses', says: /has 3 classes but model\.numClasses is 2/ },
  'a batch larger than the data set': { more: { batchSize: 4096 }, reason: 'TooFewPictures', says: /Cannot fill a batch of 4096/ },
  'a prefix of another training': { more: { storage: { uri: 'file:///runs/straight-1' } }, reason: 'PrefixTaken', says: /belongs to the training "default\/straight-1"/ },
};
for (const [name, { more, reason, says }] of Object.entries(refused)) {
  test(`refused with 64: ${name}`, async () => {
    const ended = await run('refused', 2, 1, more);
    assert.deepEqual([ended.exitCode, ended.word.reason], [ExitCode.WrongConfiguration, reason], ended.output);
    assert.match(ended.word.message, says);
  });
}

test('refused with 64: a checkpoint of another model, seed or data set', async () => {
  const other = { depth: 4, hiddenSize: 64, heads: 2, patchSize: 1 };
  const model = await run('straight-1', 1, 2, { model: { size: other, numClasses: 3, classToken: false } });
  assert.deepEqual([model.exitCode, model.word.reason], [64, 'ModelChanged'], model.output);
  assert.match(model.word.message, /differs in hiddenSize/);
  const seed = await run('straight-1', 1, 3, { seed: 4 });
  assert.deepEqual([seed.exitCode, seed.word.reason], [64, 'SeedChanged'], seed.output);
  await cp(join(root, 'data'), join(root, 'moved'), { recursive: true });
  await appendFile(join(root, 'moved/index.json'), '\n');
  const data = await run('straight-1', 1, 4, { data: { uri: 'file:///moved', teacherFeatures: false } });
  assert.deepEqual([data.exitCode, data.word.reason], [64, 'DataChanged'], data.output);
});
