/** Progress comes from rank 0 over real HTTP, into a status that is written seldom. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ProgressReport } from '@srdit/crds';
import { NAMESPACE, World, type Running } from './testing/world.ts';
import { trainings } from './kubernetes.ts';

/** A rank 0 that counts how often it is asked. */
class RankZero implements AsyncDisposable {
  asked = 0;
  said: Partial<ProgressReport> = {};
  readonly #server = createServer((request, response) => {
    this.asked += 1;
    if (request.url === '/progress') response.end(JSON.stringify({ attempt: 1, phase: 'Training', time: '2026-01-01T00:00:00.000Z', step: 0, of: 100, ...this.said }));
    else response.writeHead(404).end();
  });

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => { this.#server.listen(0, '127.0.0.1', resolve); });
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => { this.#server.close(resolve); });
  }
}

/** Moves the clock second by second; each answer gets the real time that it needs. */
async function pass(world: World, seconds: number, each: (second: number) => void = () => undefined): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    each(second);
    await world.clock.advance(1000);
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
}

async function running(rank: RankZero): Promise<{ world: World; operator: Running; writes: () => number }> {
  const world = new World({ life: () => 'runs' });
  world.train('t');
  const operator = world.start({ gangs: { progressPort: await rank.listen() } });
  await world.reaches('t', 'Running');
  rank.said = { uid: world.server.find(trainings, `${NAMESPACE}/t`)?.metadata.uid ?? '' };
  return { world, operator, writes: () => world.server.requests.get('apply srdittrainings.srdit.dev/status') ?? 0 };
}

test('progress shows in status, is written once in ten seconds, and not at all while nothing is new', async () => {
  await using rank = new RankZero();
  const { world, operator, writes } = await running(rank);
  await pass(world, 25);
  const before = writes();
  const asked = rank.asked;
  await pass(world, 60, (second) => {
    const time = new Date(world.clock.now()).toISOString();
    rank.said = { ...rank.said, time, step: second, loss: 1 / (1 + second), imagesPerSecond: 12.5, etaSeconds: 100 - second };
  });
  const { progress } = world.status('t');
  assert.ok((progress?.step ?? 0) >= 45, JSON.stringify(progress));
  assert.deepEqual([progress?.of, progress?.percent, progress?.imagesPerSecond], [100, progress?.step, 12.5]);
  assert.ok(rank.asked - asked >= 5 && rank.asked - asked <= 7, `asked ${rank.asked - asked} times`);
  assert.ok(writes() - before >= 5 && writes() - before <= 7, `written ${writes() - before} times in a minute`);

  await pass(world, 15);
  const quiet = writes();
  await pass(world, 60);
  assert.equal(writes(), quiet, 'no news, no write');
  assert.ok(rank.asked - asked > 10, 'though it was asked');
  await operator.stop();
});

test('a checkpoint that rank 0 tells of is in status and in an event, one outside the run\'s own prefix is in neither', async () => {
  await using rank = new RankZero();
  const { world, operator } = await running(rank);
  const checkpoint = (uri: string) => ({ step: 40, uri, bytes: 10, digest: 'sha256:00' });
  rank.said = { ...rank.said, time: '2026-01-01T00:01:00.000Z', step: 41, checkpoints: [checkpoint('file:///runs/other/attempts/1/checkpoints/000000040')] };
  await pass(world, 12);
  assert.deepEqual([world.status('t').progress?.step, world.status('t').checkpoints], [41, undefined]);
  rank.said = { ...rank.said, time: '2026-01-01T00:02:00.000Z', checkpoints: [checkpoint('file:///runs/t/attempts/1/checkpoints/000000040')] };
  await pass(world, 12);
  assert.equal(world.status('t').checkpoints?.last?.step, 40);
  assert.ok(world.told('t').includes('CheckpointWritten: Checkpoint of step 40: file:///runs/t/attempts/1/checkpoints/000000040'));
  await operator.stop();
});

test('what a rank of another attempt says is not believed', async () => {
  await using rank = new RankZero();
  const { world, operator } = await running(rank);
  rank.said = { ...rank.said, attempt: 7, step: 99 };
  await pass(world, 15);
  assert.equal(world.status('t').progress, undefined);
  await operator.stop();
});

test('a rank 0 that is silent for long is told of once, with the reason', async () => {
  await using rank = new RankZero();
  const { world, operator } = await running(rank);
  const silent = (): string[] => world.told('t').filter((event) => event.startsWith('ProgressUnknown'));
  rank.said = { ...rank.said, attempt: 7 };
  await pass(world, 290);
  assert.deepEqual(silent(), []);
  await pass(world, 60);
  const [told = ''] = silent();
  assert.match(told, /has not been heard for 5 minutes: its answer is no report of this attempt\. .*NetworkPolicy/);
  await pass(world, 60);
  assert.deepEqual(silent(), [told]);
  assert.equal(world.status('t').state, 'Running');
  await operator.stop();
});

test('a run that stands still is restarted with the reason NoProgress', async () => {
  await using rank = new RankZero();
  const { world, operator } = await running(rank);
  world.patch('t', { noProgressSeconds: 60 });
  rank.said = { ...rank.said, time: '2026-01-01T00:00:20.000Z', step: 5 };
  await pass(world, 40);
  assert.equal(world.status('t').state, 'Running');
  await pass(world, 40);
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.reasons], [2, { NoProgress: 1 }]);
  assert.deepEqual(world.law.breaches, []);
  await operator.stop();
});
