import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOf } from './outcome.ts';
import { changed, training } from './testing/resources.ts';
import { random, World } from './testing/world.ts';

const WORKERS = 3;
const MAX_RESTARTS = 2;
const gang = { workers: WORKERS, maxRestarts: MAX_RESTARTS, backoffSeconds: 4, gpu: { perRank: 0 } };
const aTraining = (): World => new World(training({ batchSize: 12, gang }));

test('whatever happens, in any order, with hands that die anywhere: the laws hold', () => {
  const reached = new Map<string, number>();
  for (let seed = 1; seed <= 120; seed += 1) {
    const next = random(seed);
    const world = aTraining();
    let complete = false;
    let attempt = 0;
    for (let moment = 0; moment < 250; moment += 1) {
      world.happen(next);
      if (next() < 0.3) continue;
      const before = structuredClone(world.status);
      const own = world.pods.filter((pod) => pod.attempt === before?.attempt);
      const job = structuredClone(world.jobs.find((one) => one.attempt === before?.attempt));
      const planned = world.plan();
      assert.deepEqual(world.plan(), planned, 'the plan is a function');
      world.reconcile(next() < 0.2 ? Math.floor(next() * 4) + 1 : Number.POSITIVE_INFINITY);
      const { status } = planned;

      const attempts = new Set(world.alive().map((pod) => pod.attempt));
      assert.ok(attempts.size <= 1, `seed ${seed}: attempts ${[...attempts].join(' and ')} are alive together`);
      assert.ok((status.attempt ?? 0) >= attempt, `seed ${seed}: attempts never go back`);
      assert.ok((status.attempt ?? 0) - attempt <= 1, `seed ${seed}: one attempt at a time`);
      for (const job of world.jobs) assert.ok(job.attempt <= (world.status?.attempt ?? 0), `seed ${seed}: an attempt is in the status before it is anywhere else`);
      for (const one of planned.deletes.filter((deletion) => deletion.kind === 'Job')) {
        const deleted = world.jobs.find((job) => job.name === one.name)?.attempt ?? 0;
        assert.ok(deleted < (world.status?.attempt ?? 0) || status.state === 'Suspending', `seed ${seed}: the next attempt is recorded before the evidence goes`);
      }
      assert.ok((status.restarts?.charged ?? 0) <= MAX_RESTARTS, `seed ${seed}: the budget holds`);
      const charged = (status.restarts?.charged ?? 0) - (before?.restarts?.charged ?? 0);
      if (charged > 0 && before !== undefined) {
        const outcome = outcomeOf(own, job, WORKERS, before.state === 'Running');
        assert.ok(charged === 1 && outcome.kind === 'Lost' && before.state !== 'Suspending', `seed ${seed}: charged once, for a loss of the attempt itself`);
      }
      const spent = status.conditions?.find(({ type, reason, status: is }) => type === 'Failed' && is === 'True' && reason === 'RestartsSpent');
      if (spent !== undefined && before?.state === 'Restarting' && /lost a peer/.test(spent.message)) {
        assert.ok(own.every((pod) => pod.phase === 'Failed' || pod.phase === 'Succeeded'), `seed ${seed}: a lost peer ends the run only when every worker has answered`);
      }
      if (complete) assert.equal(status.state, 'Complete', `seed ${seed}: complete stays complete`);
      const types = status.conditions?.filter((one) => one.status === 'True').map((one) => one.type) ?? [];
      assert.ok(!(types.includes('Complete') && types.includes('Failed')) && !(types.includes('Running') && types.includes('Reconciling')), `seed ${seed}: ${types.join()}`);
      assert.equal(types.includes('Stalled'), types.includes('Failed'), `seed ${seed}: stalled is a terminal failure`);
      complete = status.state === 'Complete';
      attempt = status.attempt ?? 0;
      for (const now of [status.state ?? '', status.conditions?.find(({ type }) => type === 'Running')?.reason ?? '']) reached.set(now, (reached.get(now) ?? 0) + 1);
    }
  }
  // A walk that never gets anywhere would prove nothing.
  for (const state of ['Pending', 'Starting', 'Running', 'Restarting', 'Suspending', 'Suspended', 'Complete', 'Failed', 'NodeMayBeLost']) {
    assert.ok((reached.get(state) ?? 0) > 20, `state ${state} was reached ${reached.get(state) ?? 0} times`);
  }
});

test('left in peace, every run goes on to its end', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const next = random(seed);
    const world = aTraining();
    for (let moment = 0; moment < 100; moment += 1) { world.happen(next); world.reconcile(Number.POSITIVE_INFINITY); }
    if (world.gang.spec.suspend) world.gang = changed(world.gang, { suspend: false });
    for (let moment = 0; moment < 200 && !['Complete', 'Failed'].includes(world.status?.state ?? ''); moment += 1) {
      world.now += 30_000;
      world.collect(() => 0.5);
      world.pods.filter((pod) => pod.phase === 'Pending' && pod.deletionTime === undefined).forEach((pod) => { pod.phase = 'Running'; });
      if (moment % 3 === 2) world.alive().filter((pod) => pod.deletionTime === undefined).forEach((pod) => { world.succeed(pod); });
      world.reconcile(Number.POSITIVE_INFINITY);
    }
    assert.ok(['Complete', 'Failed'].includes(world.status?.state ?? ''), `seed ${seed} stays ${world.status?.state ?? 'without state'}`);
  }
});
