/** A cluster reduced to what the plan can see, for walks of events in any order. */
import assert from 'node:assert/strict';
import type { RunConfig } from '@srdit/crds';
import { plan } from '../plan.ts';
import { DEFAULT_OPTIONS, type Gang, type Observed, type ObservedJob, type ObservedPod, type Plan, type Status } from '../types.ts';
import { changed } from './resources.ts';
import { toldBy } from './told.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** mulberry32: small, seeded, good enough to choose events. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Events happen in any order, and hands may die between two writes. */
export class World {
  now = Date.parse('2026-01-01T00:00:00.000Z');
  gang: Gang;
  /** The training that an evaluation names. */
  trained: Observed['training'];
  /** What pods were told, by attempt. */
  readonly runs = new Map<number, RunConfig>();
  status: Status | undefined;
  jobs: Mutable<ObservedJob>[] = [];
  pods: Mutable<ObservedPod>[] = [];

  constructor(gang: Gang) { this.gang = gang; }

  /** Ranks that compute; behind a dead kubelet they do so after their pod is gone. */
  readonly alive = (): Mutable<ObservedPod>[] => this.pods.filter((pod) => pod.phase === 'Running');

  time = (): string => new Date(this.now).toISOString();

  plan(): Plan {
    return plan(this.gang, { now: this.time(), ...(this.status === undefined ? {} : { status: this.status }), jobs: this.jobs, pods: this.pods, ...(this.trained === undefined ? {} : { training: this.trained }) }, DEFAULT_OPTIONS);
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
      this.runs.set(attempt, toldBy(job));
      this.jobs.push({ name: job.metadata.name, attempt });
      for (let worker = 0; worker < this.gang.spec.gang.workers; worker += 1) this.pods.push({ name: `${job.metadata.name}-${worker}`, attempt, worker, phase: 'Pending' });
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
      if (well < this.gang.spec.gang.workers) job.failed = 'BackoffLimitExceeded';
    }
    for (const pod of [...this.pods].filter((one) => one.deletionTime !== undefined)) {
      const chance = next();
      if (chance < 0.3 && pod.phase === 'Running') Object.assign(pod, { phase: 'Failed', exitCode: chance < 0.1 ? 137 : 75 });
      else if (chance < 0.7) this.pods = this.pods.filter((one) => one !== pod);
    }
    this.jobs = this.jobs.filter((job) => job.deletionTime === undefined || this.pods.some((pod) => pod.attempt === job.attempt));
  }

  /** A worker ends well; the first one of an evaluation says what was measured. */
  succeed(pod: Mutable<ObservedPod>): void {
    const run = this.runs.get(pod.attempt);
    const checkpoint = run?.kind === 'SRDiTEvaluation' && pod.worker === 0 ? run.checkpointUri : undefined;
    const result = checkpoint === undefined ? undefined : { checkpoint, step: Number(checkpoint.split('/').at(-1)), count: 64, features: 'pixels 8x8', frechetDistance: 1 };
    Object.assign(pod, { phase: 'Succeeded', exitCode: 0, lastWord: { exitCode: 0, reason: 'Done', message: 'Done', rank: pod.worker, ...(result && { result }) } });
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
    else if (dice < 0.5) { if (pod) this.succeed(pod); }
    else if (dice < 0.53) { if (pod) this.pods = this.pods.filter((one) => one !== pod); }
    else if (dice < 0.55) this.gang = changed(this.gang, { suspend: !this.gang.spec.suspend });
    else if (dice < 0.8) this.collect(next);
    else this.now += Math.floor(next() * 90_000);
  }
}
