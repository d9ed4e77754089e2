/** Random walks of an evaluation of every checkpoint beside its training. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHECKPOINT_DAMAGED, type CheckpointRef } from '@srdit/crds';
import { changed, evaluation, training } from './testing/resources.ts';
import { random, World } from './testing/world.ts';
import type { Observed, Status } from './types.ts';

const STEPS = 200;
const EVERY = 20;
const MAX_RESTARTS = 40;

/** A training that goes on and lists its newest five checkpoints, one each 10 steps. */
class Beside extends World {
  #step = 0;
  /** Last checkpoints of a training that had ended, by step. */
  readonly finals = new Set<number>([STEPS]);
  constructor() {
    super(evaluation({ count: 64, checkpoint: { training: { name: 't', which: 'Every', everySteps: EVERY } }, gang: { workers: 3, maxRestarts: MAX_RESTARTS, backoffSeconds: 1, gpu: { perRank: 0 } } }));
    this.train(0, 'Running');
  }

  /** A rank finds that the checkpoint of this round is not what was written. */
  damage(): void {
    const [pod] = this.alive();
    if (pod !== undefined) Object.assign(pod, { phase: 'Failed', exitCode: 64, lastWord: { exitCode: 64, reason: CHECKPOINT_DAMAGED, message: 'Damaged', rank: 0 } });
  }

  train(steps: number, state: NonNullable<Status['state']>): void {
    this.#step = Math.min(STEPS, this.#step + steps);
    const newest = Array.from({ length: 5 }, (_, back) => Math.floor(this.#step / 10) * 10 - 10 * back).filter((step) => step > 0)
      .map((step): CheckpointRef => ({ step, uri: `file:///runs/t/attempts/1/checkpoints/${String(step).padStart(9, '0')}`, bytes: 1, digest: 'd' }));
    const status: Status = { state: this.#step === STEPS ? 'Complete' : state, ...(newest[0] === undefined ? {} : { checkpoints: { last: newest[0], newest } }) };
    if (status.state === 'Failed') this.finals.add(newest[0]?.step ?? 0);
    this.trained = { status, spec: training({ steps: STEPS, checkpoints: { everySteps: 10 } }).spec } satisfies Observed['training'];
  }
}

test('rounds in any order of events, with hands that die anywhere: each checkpoint once, in order, one gang at a time', () => {
  const reached = new Map<string, number>();
  let measured = 0;
  let damaged = 0;
  for (let seed = 1; seed <= 80; seed += 1) {
    const next = random(seed);
    const world = new Beside();
    for (let moment = 0; moment < 400; moment += 1) {
      world.happen(next);
      const dice = next();
      if (dice < 0.03) world.train(10, 'Running');
      else if (dice < 0.04) world.train(0, 'Failed');
      else if (dice < 0.12) world.alive().forEach((pod) => { world.succeed(pod); });
      else if (dice < 0.13) world.damage();
      if (next() < 0.3) continue;
      const before = structuredClone(world.status);
      const planned = world.plan();
      assert.deepEqual(world.plan(), planned, 'the plan is a function');
      world.reconcile(next() < 0.2 ? Math.floor(next() * 4) + 1 : Number.POSITIVE_INFINITY);
      const { status } = planned;
      const law = (holds: boolean, what: string): void => { assert.ok(holds, `seed ${seed}, moment ${moment}: ${what}\n${JSON.stringify({ before, status })}`); };

      law(new Set(world.alive().map((pod) => pod.attempt)).size <= 1, 'one attempt is alive');
      law([0, 1].includes((status.attempt ?? 0) - (before?.attempt ?? 0)), 'attempts go up one by one');
      const results = status.results?.map(({ step }) => step) ?? [];
      law(new Set(results).size === results.length && results.every((step, index) => index === 0 || step < (results[index - 1] ?? 0)), 'one result a checkpoint, newest first');
      law(results.every((step) => step % EVERY === 0 || world.finals.has(step)), 'only what has its turn');
      // Worker 0 may have told its result before the others have ended.
      const early = status.series?.round === undefined ? 0 : results.filter((step) => step === status.series?.round?.step).length;
      law(results.length - early === (status.series?.measured ?? 0), 'the count is that of the results');
      const bad = status.series?.damaged;
      law(bad === undefined || bad.newest.every(({ step }, index) => !results.includes(step) && (index === 0 || step < (bad.newest[index - 1]?.step ?? 0))), 'what is damaged has no result, newest first');
      law((bad?.count ?? 0) >= (before?.series?.damaged?.count ?? 0), 'damage is not forgotten');
      law((status.series?.through ?? 0) >= (before?.series?.through ?? 0), 'no checkpoint has its turn twice');
      law((before?.results ?? []).every(({ step }) => results.includes(step)), 'a result stays');
      // A new attempt is either another round or the next try of this one.
      const { round } = status.series ?? {};
      if (status.attempt !== before?.attempt && before?.series?.round !== undefined) law(round?.uri === before.series.round.uri, 'a restart goes on with its checkpoint');
      if (before?.series?.round !== undefined && round === undefined) law((status.series?.through ?? 0) >= before.series.round.step, 'a round that is over has had its turn');
      const restarts = (of: Status | undefined): number => (of?.restarts?.charged ?? 0) + (of?.restarts?.free ?? 0);
      if (before?.series?.round === undefined) law(restarts(status) <= restarts(before), 'a round that begins is no restart');
      if (status.state === 'Complete') law(['Complete', 'Failed'].includes(world.trained?.status?.state ?? '') || before?.state === 'Complete', 'complete only after the training');
      if (round === undefined) law(!['Running', 'Starting', 'Restarting'].includes(status.state ?? ''), 'no gang between rounds');
      reached.set(status.state ?? '', (reached.get(status.state ?? '') ?? 0) + 1);
    }
    measured += world.status?.results?.length ?? 0;
    damaged += world.status?.series?.damaged?.count ?? 0;
  }
  for (const state of ['Pending', 'Starting', 'Running', 'Restarting', 'Suspending', 'Suspended', 'Complete']) assert.ok((reached.get(state) ?? 0) > 20, `state ${state} was reached ${reached.get(state) ?? 0} times`);
  assert.ok(measured > 100 && damaged > 20, `only ${measured} checkpoints were measured and ${damaged} damaged`);
});

test('left in peace, all that is listed is measured, and the evaluation is complete with its training', () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const next = random(seed);
    const world = new Beside();
    for (let moment = 0; moment < 60; moment += 1) { world.happen(next); world.reconcile(Number.POSITIVE_INFINITY); }
    if (world.gang.spec.suspend) world.gang = changed(world.gang, { suspend: false });
    for (let moment = 0; moment < 400 && !['Complete', 'Failed'].includes(world.status?.state ?? ''); moment += 1) {
      world.now += 30_000;
      // Slow enough that every checkpoint is still listed when its turn comes.
      if (moment % 10 === 9) world.train(10, 'Running');
      world.collect(() => 0.5);
      world.pods.filter((pod) => pod.phase === 'Pending' && pod.deletionTime === undefined).forEach((pod) => { pod.phase = 'Running'; });
      if (moment % 3 === 2) world.alive().filter((pod) => pod.deletionTime === undefined).forEach((pod) => { world.succeed(pod); });
      world.reconcile(Number.POSITIVE_INFINITY);
    }
    const { state, results, series } = world.status ?? {};
    if (state === 'Failed') continue; // a wrong configuration was among the events
    assert.equal(state, 'Complete', `seed ${seed}: ${JSON.stringify(world.status)}`);
    assert.deepEqual([results?.map(({ step }) => step), series], [[200, 180, 160, 140, 120, 100, 80, 60, 40, 20], { through: STEPS, measured: STEPS / EVERY }], `seed ${seed}`);
  }
});
