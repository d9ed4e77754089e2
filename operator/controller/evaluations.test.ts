/** Lives of evaluations: of one checkpoint, and of every one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toldBy } from '../plan/testing/told.ts';
import { evaluations, jobs, pods } from './kubernetes.ts';
import { lawful, names, SECOND } from './testing/lives.ts';
import { NAMESPACE, World } from './testing/world.ts';

test('an evaluation waits for its training', async () => {
  const world = new World({ life: ({ run }) => ({ after: 30 * SECOND, exitCode: 0, word: run === 't'
    ? { step: 100, checkpoint: { step: 100, uri: 'file:///runs/t/attempts/1/checkpoints/000000100', bytes: 1, digest: 'sha256:0' } }
    : { result: { checkpoint: 'file:///runs/t/attempts/1/checkpoints/000000100', step: 100, count: 64 } as never } }) });
  world.evaluate('e');
  const operator = world.start();
  await world.clock.advance(SECOND);
  assert.equal(world.status('e', evaluations).conditions?.find(({ type }) => type === 'Running')?.reason, 'TrainingNotFound');
  world.train('t');
  await world.reaches('t', 'Running');
  assert.equal(world.status('e', evaluations).conditions?.find(({ type }) => type === 'Running')?.reason, 'TrainingNotComplete');
  await world.reaches('e', 'Complete', evaluations);
  const run = toldBy(world.server.find(jobs, `${NAMESPACE}/e-eval-1`)) as { checkpointUri?: string };
  assert.equal(run.checkpointUri, 'file:///runs/t/attempts/1/checkpoints/000000100');
  lawful(world);
  await operator.stop();
});

test('an evaluation of every checkpoint: a gang a checkpoint while the training goes on, none between, one result each', async () => {
  const world: World = new World({ life: ({ attempt }) => ({ after: 30 * SECOND, exitCode: 0, word: { result: world.resultOf('e', attempt) } }) });
  world.evaluate('e', { checkpoint: { training: { name: 't', which: 'Every', everySteps: 40 } } });
  world.trainElsewhere('t');
  world.checkpoints('t', 'Running', 20);
  const operator = world.start();
  const now = () => world.status('e', evaluations);
  const waits = (): string | undefined => now().conditions?.find(({ type }) => type === 'Running')?.message;
  await world.clock.advance(60 * SECOND);
  assert.deepEqual([now().state, waits(), names(world, pods)], ['Pending', 'Waiting for SRDiTTraining "t" to write the checkpoint of step 40', []]);

  world.checkpoints('t', 'Running', 60);
  await world.reaches('e', 'Running', evaluations);
  assert.deepEqual(now().series?.round?.step, 40);
  await world.reaches('e', 'Pending', evaluations);
  await world.clock.advance(600 * SECOND);
  assert.deepEqual([now().state, now().attempt, now().results?.map(({ step }) => step), waits()], ['Pending', 1, [40], 'Waiting for SRDiTTraining "t" to write the checkpoint of step 80']);
  assert.ok(world.server.list(pods).every(({ status }) => status?.phase === 'Succeeded'), 'no GPU is kept');
  assert.deepEqual(now().conditions?.filter(({ status }) => status === 'True').map(({ type }) => type), ['Reconciling']);

  // Two at once: the older one first, each by a gang of its own.
  world.checkpoints('t', 'Complete', 140);
  await world.reaches('e', 'Complete', evaluations);
  assert.deepEqual(now().results?.map(({ step, frechetDistance }) => [step, frechetDistance]), [140, 120, 80, 40].map((step) => [step, Number((1000 / step).toPrecision(5))]));
  assert.deepEqual([now().attempt, now().restarts, world.law.begun.get('lab/SRDiTEvaluation/e')], [4, { charged: 0, free: 0 }, [1, 2, 3, 4]]);
  assert.deepEqual(world.told('e').filter((text) => !text.startsWith('Started')), [
    ...[40, 80, 120, 140].map((step) => `CheckpointMeasured: Checkpoint of step ${step}: Fréchet distance of pixels 8x8 ${Number((1000 / step).toPrecision(5))}`),
    'Complete: 4 checkpoints were measured',
  ].toSorted((a, b) => world.told('e').indexOf(a) - world.told('e').indexOf(b)));
  lawful(world);
  await operator.stop();
});

test('a checkpoint that was gone before its turn is told in an event, and the rounds go on', async () => {
  const world: World = new World({ life: ({ attempt }) => ({ after: 30 * SECOND, exitCode: 0, word: { result: world.resultOf('e', attempt) } }) });
  world.evaluate('e', { checkpoint: { training: { name: 't', which: 'Every', everySteps: 20 } } });
  world.trainElsewhere('t');
  world.checkpoints('t', 'Running', 140);
  const operator = world.start();
  await world.clock.until(() => (world.status('e', evaluations).series?.measured ?? 0) === 5, 3_600_000);
  assert.deepEqual(world.status('e', evaluations).series, { through: 140, measured: 5, skipped: { count: 2, last: 40 } });
  assert.ok(world.told('e').includes('CheckpointSkipped: 2 checkpoints up to step 40 were gone before their turn. Raise spec.checkpoints.keep of the training to have them spared'), world.told('e').join('\n'));
  assert.equal(world.status('e', evaluations).state, 'Pending');
  lawful(world);
  await operator.stop();
});

test('a damaged checkpoint is told in an event and in status, and the rounds go on', async () => {
  const message = 'Cannot read checkpoint "x": the sha256 of "ema.safetensors" is not the one in its manifest';
  const world: World = new World({ life: ({ attempt }) => (attempt === 2
    ? { after: 5 * SECOND, exitCode: 64, word: { reason: 'CheckpointDamaged', message, measuring: { step: 40, uri: 'file:///runs/t/attempts/1/checkpoints/000000040' } } }
    : { after: 30 * SECOND, exitCode: 0, word: { result: world.resultOf('e', attempt) } }) });
  world.evaluate('e', { checkpoint: { training: { name: 't', which: 'Every', everySteps: 20 } }, gang: { workers: 2, maxRestarts: 0, gpu: { perRank: 0 } } });
  world.trainElsewhere('t');
  world.checkpoints('t', 'Complete', 60);
  const operator = world.start();
  await world.reaches('e', 'Complete', evaluations);
  const { results, series, restarts, attempt } = world.status('e', evaluations);
  assert.deepEqual([results?.map(({ step }) => step), attempt, restarts], [[60, 20], 3, { charged: 0, free: 0 }]);
  assert.deepEqual(series, { through: 60, measured: 2, damaged: { count: 1, newest: [{ checkpoint: 'file:///runs/t/attempts/1/checkpoints/000000040', step: 40, message }] } });
  assert.ok(world.told('e').includes(`CheckpointDamaged: Checkpoint of step 40 is passed over. ${message}`), world.told('e').join('\n'));
  assert.ok(world.told('e').includes('Complete: 2 checkpoints were measured; 1 is damaged, as status.series.damaged tells'));
  lawful(world);
  await operator.stop();
});
