import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOf } from './outcome.ts';
import { plan } from './plan.ts';
import { changed, training } from './testing/resources.ts';
import { DEFAULT_OPTIONS, type Gang, type ObservedJob, type ObservedPod, type Plan, type Status } from './types.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
const WORKERS = 3;
const MAX_RESTARTS = 2;

/** mulberry32: small, seeded, good enough to choose events. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A cluster reduced to what the plan can see, where events happen in any order and hands may die between two writes. */
class World {
  now = Date.parse('2026-01-01T00:00:00.000Z');
  gang: Gang = training({ batchSize: 12, gang: { workers: WORKERS, maxRestarts: MAX_RESTARTS, backoffSeconds: 4, gpu: { perRank: 0 } } });
  status: Status | undefined;
  jobs: Mutable<ObservedJob>[] = [];
  pods: Mutable<ObservedPod>[] = [];
  /** Ranks that compute; behind a dead kubelet they do so after their pod is gone. */
  readonly alive = (): Mutable<ObservedPod>[] => this.pods.filter((pod) => pod.phase === 'Running');

  time = (): string => new Date(this.now).toISOString();

  plan(): Plan {
    return plan(this.gang, { now: this.time(), ...(this.status === undefined ? {} : { status: this.status }), jobs: this.jobs, pods: this.pods }, DEFAULT_OPTIONS);
  }

  /** The hands, which may die after `writes` writes. */
  reconcile(writes: number): void {
    const planned = this.plan();
    this.status = structuredClone(planned.status);
    for (const one of planned.deletes.slice(0, Math.max(0, writes - 1))) {
      if (one.kind === 'Job') this.deleteJob(one.name);
      if (one.kind === 'Pod' && one.force === true) this.pods = this.pods.filter((pod) => pod.name !== one.name);
      if (one.kind === 'Pod' && one.force !== true) this.pods.filter((pod) => pod.name === one.name).forEach((pod) => { pod.deletionTime ??= this.time(); });
    }
    if (writes <= planned.deletes.length + 1) return;
    const job = planned.objects.find((object) => object.kind === 'Job');
    if (job !== undefined && !this.jobs.some((one) => one.name === job.metadata.name)) {
      const attempt = Number(job.metadata.labels?.['srdit.dev/attempt']);
      assert.equal(this.pods.filter((pod) => pod.attempt !== attempt && (pod.phase === 'Running' || pod.phase === 'Pending')).length, 0, 'a Job is created beside older pods');
      this.jobs.push({ name: job.metadata.name, attempt });
      for (let worker = 0; worker < WORKERS; worker += 1) this.pods.push({ name: `${job.metadata.name}-${worker}`, attempt, worker, phase: 'Pending' });
    }
  }

  deleteJob(name: string): void {
    for (const job of this.jobs.filter((one) => one.name === name)) {
      job.deletionTime ??= this.time();
      this.pods.filter((pod) => pod.attempt === job.attempt).forEach((pod) => { pod.deletionTime ??= this.time(); });
    }
  }

  /** Kubernetes: pods told to go end or vanish, a Job that lost one has failed, a deleted Job goes with its last pod. */
  collect(next: () => number): void {
    for (const job of this.jobs) {
      const well = this.pods.filter((pod) => pod.attempt === job.attempt && pod.phase !== 'Failed').length;
      if (well < WORKERS) job.failed = 'BackoffLimitExceeded';
    }
    for (const pod of [...this.pods].filter((one) => one.deletionTime !== undefined)) {
      const chance = next();
      if (chance < 0.3 && pod.phase === 'Running') Object.assign(pod, { phase: 'Failed', exitCode: chance < 0.1 ? 137 : 75 });
      else if (chance < 0.7) this.pods = this.pods.filter((one) => one !== pod);
    }
    this.jobs = this.jobs.filter((job) => job.deletionTime === undefined || this.pods.some((pod) => pod.attempt === job.attempt));
  }

  happen(next: () => number): void {
    const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(next() * items.length)];
    const dice = next();
    const pending = pick(this.pods.filter((pod) => pod.phase === 'Pending' && pod.deletionTime === undefined));
    const pod = pick(this.alive());
    if (dice < 0.35) { if (pending) pending.phase = 'Running'; }
    else if (dice < 0.42) { if (pod) Object.assign(pod, { phase: 'Failed', exitCode: pick([137, 1, 75, 76, 76]) }); }
    else if (dice < 0.425) { if (pod) Object.assign(pod, { phase: 'Failed', exitCode: pick([64, 65]) }); }
    else if (dice < 0.45) { if (pod) Object.assign(pod, { phase: 'Failed', exitCode: 143, reason: 'DisruptionTarget' }); }
    else if (dice < 0.5) { if (pod) Object.assign(pod, { phase: 'Succeeded', exitCode: 0 }); }
    else if (dice < 0.53) { if (pod) this.pods = this.pods.filter((one) => one !== pod); }
    else if (dice < 0.55) this.gang = changed(this.gang, { suspend: !this.gang.spec.suspend });
    else if (dice < 0.8) this.collect(next);
    else this.now += Math.floor(next() * 90_000);
  }
}

test('whatever happens, in any order, with hands that die anywhere: the laws hold', () => {
  const reached = new Map<string, number>();
  for (let seed = 1; seed <= 120; seed += 1) {
    const next = random(seed);
    const world = new World();
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
      if (complete) assert.equal(status.state, 'Complete', `seed ${seed}: complete stays complete`);
      const types = status.conditions?.filter((one) => one.status === 'True').map((one) => one.type) ?? [];
      assert.ok(!(types.includes('Complete') && types.includes('Failed')) && !(types.includes('Running') && types.includes('Reconciling')), `seed ${seed}: ${types.join()}`);
      assert.equal(types.includes('Stalled'), types.includes('Failed'), `seed ${seed}: stalled is a terminal failure`);
      complete = status.state === 'Complete';
      attempt = status.attempt ?? 0;
      reached.set(status.state ?? '', (reached.get(status.state ?? '') ?? 0) + 1);
    }
  }
  // A walk that never gets anywhere would prove nothing.
  for (const state of ['Pending', 'Starting', 'Running', 'Restarting', 'Suspending', 'Suspended', 'Complete', 'Failed']) {
    assert.ok((reached.get(state) ?? 0) > 20, `state ${state} was reached ${reached.get(state) ?? 0} times`);
  }
});

test('left in peace, every run goes on to its end', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const next = random(seed);
    const world = new World();
    for (let moment = 0; moment < 100; moment += 1) { world.happen(next); world.reconcile(Number.POSITIVE_INFINITY); }
    if (world.gang.spec.suspend) world.gang = changed(world.gang, { suspend: false });
    for (let moment = 0; moment < 200 && !['Complete', 'Failed'].includes(world.status?.state ?? ''); moment += 1) {
      world.now += 30_000;
      world.collect(() => 0.5);
      world.pods.filter((pod) => pod.phase === 'Pending' && pod.deletionTime === undefined).forEach((pod) => { pod.phase = 'Running'; });
      if (moment % 3 === 2) world.alive().filter((pod) => pod.deletionTime === undefined).forEach((pod) => Object.assign(pod, { phase: 'Succeeded', exitCode: 0 }));
      world.reconcile(Number.POSITIVE_INFINITY);
    }
    assert.ok(['Complete', 'Failed'].includes(world.status?.state ?? ''), `seed ${seed} stays ${world.status?.state ?? 'without state'}`);
  }
});
