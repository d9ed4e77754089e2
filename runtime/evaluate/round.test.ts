import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EvaluationSpec } from '@srdit/crds';
import { claimAttempt } from '../checkpoint/claim.ts';
import { CheckpointError } from '../checkpoint/error.ts';
import { readManifest } from '../checkpoint/list.ts';
import { checkpointPath, MANIFEST } from '../checkpoint/paths.ts';
import { contents, identity } from '../checkpoint/testing.ts';
import { writeCheckpoint } from '../checkpoint/write.ts';
import type { EvaluationContext, Progress } from '../cli/context.ts';
import { ExitError } from '../cli/exit.ts';
import { createLog } from '../cli/log.ts';
import { startEngine } from '../engine/index.ts';
import { PictureError } from '../generate/pictures.ts';
import { openStorage } from '../storage/open.ts';
import { StorageError } from '../storage/storage.ts';
import { inRound } from './round.ts';
import { EvaluateError } from './rows.ts';

const root = await mkdtemp(join(tmpdir(), 'srdit-round-'));
after(() => rm(root, { recursive: true, force: true }));
const engine = startEngine({ threads: 1, device: 'cpu' });
const gang = await engine.joinGang({ rank: 0, addresses: ['127.0.0.1:0'] });
after(() => gang[Symbol.asyncDispose]());
const open = (uri: string) => openStorage(uri, { SRDIT_FILE_ROOT: root });

/** A training that wrote these checkpoints in its attempts. */
async function trained(name: string, attempts: readonly (readonly number[])[]) {
  const training = open(`file:///runs/${name}`);
  for (const [index, steps] of attempts.entries()) {
    const claim = await claimAttempt(training, identity(index + 1));
    for (const step of steps) await writeCheckpoint(training, claim, contents(step));
  }
  return training;
}

/** A round that is told to measure `step` and only notes what it got. */
function round(name: string, step: number, series: { everySteps: number; after: number; final?: number }) {
  const uri = `file:///runs/${name}/${checkpointPath(1, step)}`;
  const reports: Progress[] = [];
  const lines: string[] = [];
  const spec = EvaluationSpec.parse({
    checkpoint: { training: { name, which: 'Every', everySteps: series.everySteps } }, reference: { data: 'file:///data' }, storage: { uri: `file:///evaluations/${name}` },
  });
  const context: EvaluationContext = {
    config: { kind: 'SRDiTEvaluation', namespace: 'default', name, uid: 'uid-2', generation: 1, attempt: 1, spec, checkpointUri: uri, series },
    rank: 0, world: 1, engine, gang, storage: open(spec.storage.uri), open, log: createLog('text', {}, (line) => { lines.push(line); }),
    report: (progress) => { reports.push(progress); }, stopRequested: () => false,
  };
  return { context, reports, lines };
}
const note = async ({ config, storage }: EvaluationContext) => ({ reason: 'Evaluated', message: `${(await readManifest(open(config.checkpointUri), '')).ref.uri} -> ${storage.uri}` });

await trained('two', [[10, 20, 30, 40], [40, 45]]);
const cases: Record<string, { told: number; series: { everySteps: number; after: number; final?: number }; takes: string }> = {
  'the oldest whose turn it is, older than the one that was named': { told: 40, series: { everySteps: 10, after: 0 }, takes: '1/checkpoints/000000010' },
  'none that had its turn': { told: 30, series: { everySteps: 10, after: 20 }, takes: '1/checkpoints/000000030' },
  'multiples only': { told: 40, series: { everySteps: 20, after: 0 }, takes: '1/checkpoints/000000020' },
  'of one step the younger attempt\'s': { told: 40, series: { everySteps: 10, after: 30 }, takes: '2/checkpoints/000000040' },
  'the final one, whatever its step': { told: 45, series: { everySteps: 10, after: 40, final: 45 }, takes: '2/checkpoints/000000045' },
};
for (const [name, { told, series, takes }] of Object.entries(cases)) {
  test(`a round takes up ${name}`, async () => {
    const { context, reports } = round('two', told, series);
    const step = Number(takes.split('/').at(-1));
    const uri = `file:///runs/two/attempts/${takes}`;
    assert.equal((await inRound(context, note)).message, `${uri} -> file:///evaluations/two/checkpoints/${String(step).padStart(9, '0')}`);
    assert.deepEqual(reports, [{ measuring: { step, uri } }]);
  });
}

test('a checkpoint that is not complete is passed over', async () => {
  const training = await trained('incomplete', [[10, 20]]);
  await training.remove(`${checkpointPath(1, 10)}/${MANIFEST}`);
  assert.match((await inRound(round('incomplete', 10, { everySteps: 10, after: 0 }).context, note)).message, /000000020 ->/);
});

const told = (error: unknown): unknown => (error instanceof ExitError ? [error.exitCode, error.reason, error.word.measuring] : error);
const measuring = (name: string, step: number) => ({ step, uri: `file:///runs/${name}/${checkpointPath(1, step)}` });

test('a checkpoint that is damaged is told as such, and which it is: not the one that was named, but that taken up', async () => {
  const training = await trained('damaged', [[10, 20]]);
  await training.write(`${checkpointPath(1, 10)}/${MANIFEST}`, new TextEncoder().encode('{'));
  await assert.rejects(inRound(round('damaged', 20, { everySteps: 10, after: 0 }).context, note), (error) => {
    assert.deepEqual(told(error), [64, 'CheckpointDamaged', measuring('damaged', 10)]);
    return /^Cannot read checkpoint ".*000000010": its manifest\.json is not JSON/.test((error as Error).message);
  });
  // The next round goes on after it.
  assert.match((await inRound(round('damaged', 20, { everySteps: 10, after: 10 }).context, note)).message, /000000020 ->/);
});

const faults: Record<string, { error: Error; damaged: boolean }> = {
  'a digest that does not hold': { error: new CheckpointError('DigestMismatch', 'x'), damaged: true },
  'weights that give no numbers': { error: new PictureError('NotFinite', 'x'), damaged: true },
  'a picture of other settings': { error: new PictureError('BadPicture', 'x'), damaged: false },
  'a store that denies it': { error: new StorageError('Denied', 'x'), damaged: false },
  'a reference that cannot be used': { error: new EvaluateError('BadReference', 'x'), damaged: false },
};
for (const [name, { error, damaged }] of Object.entries(faults)) {
  test(`${name} is ${damaged ? '' : 'not '}the checkpoint's fault`, async () => {
    const run = `fault-${Object.keys(faults).indexOf(name)}`;
    await trained(run, [[10]]);
    await assert.rejects(inRound(round(run, 10, { everySteps: 10, after: 0 }).context, () => Promise.reject(error)), (thrown) => {
      assert.deepEqual(told(thrown), damaged ? [64, 'CheckpointDamaged', measuring(run, 10)] : error);
      return true;
    });
  });
}

test('nothing left whose turn it is: the round ends well, without a result', async () => {
  await trained('gone', [[15]]);
  const { context } = round('gone', 10, { everySteps: 10, after: 0 });
  const done = await inRound(context, () => assert.fail('there is nothing to evaluate'));
  assert.deepEqual([done.reason, done.result], ['NothingDue', undefined]);
});

test('a checkpoint that is removed while it is read is not damaged: it is tried for again', async () => {
  const training = await trained('racing', [[10]]);
  const failing = async (): Promise<never> => { throw new CheckpointError('Incomplete', 'Cannot read it'); };
  const removed = inRound(round('racing', 10, { everySteps: 10, after: 0 }).context, async () => { await training.remove(checkpointPath(1, 10)); return failing(); });
  await assert.rejects(removed, (error) => error instanceof ExitError && error.exitCode === 75 && error.reason === 'CheckpointGone');
});
