import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from './plan.ts';
import { changed, evaluation, pods, training } from './testing/resources.ts';
import { DEFAULT_OPTIONS, type Gang, type Observed, type ObservedPod, type Plan, type Status } from './types.ts';

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z');
const at = (second: number): string => new Date(BEGIN + second * 1000).toISOString();

/** One run, looked at second by second. */
class Run {
  gang: Gang;
  status: Status | undefined;
  constructor(gang: Gang) { this.gang = gang; }

  look(second: number, letters: string, more: Partial<Observed> = {}): Plan {
    const attempt = this.status?.attempt ?? 0;
    const jobs = letters === '' ? [] : [{ name: `t-train-${attempt}`, attempt }];
    const planned = plan(this.gang, { now: at(second), ...(this.status === undefined ? {} : { status: this.status }), pods: pods(letters, attempt), jobs, ...more }, DEFAULT_OPTIONS);
    this.status = planned.status;
    return planned;
  }

  /** Rank 0 says how far it is. */
  hear(second: number, step: number, more: Partial<NonNullable<Observed['progress']>> = {}): Plan {
    return this.look(second, 'RR', { progress: { uid: 'uid-1', attempt: this.status?.attempt ?? 0, phase: 'Training', time: at(second), step, of: 100, ...more } });
  }

  begun(): this {
    this.look(0, '');
    this.look(1, 'RR');
    return this;
  }

  reason(type = 'Running'): string | undefined { return this.status?.conditions?.find((one) => one.type === type)?.reason; }
}

test('no new step for too long restarts the gang, charged, with the reason NoProgress', () => {
  const run = new Run(training({ noProgressSeconds: 60 })).begun();
  run.hear(2, 1);
  assert.equal(run.hear(40, 2).wakeAt, at(100));
  assert.equal(run.hear(99, 2).status.state, 'Running');
  const stalled = run.hear(100, 2);
  assert.deepEqual([stalled.status.state, stalled.status.attempt, run.reason()], ['Restarting', 2, 'NoProgress']);
  assert.deepEqual(stalled.status.restarts?.reasons, { NoProgress: 1 });
  assert.equal(stalled.status.restarts?.charged, 1);
  assert.match(stalled.status.conditions?.find((one) => one.type === 'Running')?.message ?? '', /after step 2 for 60 s/);
  assert.deepEqual(stalled.deletes.map(({ name }) => name), ['t-train-1']);
  // What our TERM does to the old attempt changes nothing; the reason stays told until the new gang runs.
  run.look(101, '', { pods: pods('CC', 1), jobs: [] });
  assert.deepEqual([run.status?.attempt, run.reason()], [2, 'NoProgress']);
});

const stalls: Record<string, { spec?: Record<string, unknown>; look: (run: Run) => void; state: string }> = {
  'a rank 0 that falls silent is stalled too': { spec: { noProgressSeconds: 60 }, look: (run) => { run.hear(2, 1); run.look(62, 'RR'); }, state: 'Restarting' },
  'a rank 0 that was never heard is not judged': { spec: { noProgressSeconds: 60 }, look: (run) => { run.look(100_000, 'RR'); }, state: 'Running' },
  'the first step may take longer': { spec: { noProgressSeconds: 60 }, look: (run) => { run.hear(2, 0, { phase: 'Compiling' }); run.hear(1700, 0, { phase: 'Compiling' }); }, state: 'Running' },
  'but not for ever': { spec: { noProgressSeconds: 60 }, look: (run) => { run.hear(2, 0, { phase: 'Compiling' }); run.hear(1802, 0, { phase: 'Compiling' }); }, state: 'Restarting' },
  'a resumed attempt counts back and compiles': { spec: { noProgressSeconds: 60 }, look: (run) => { run.hear(2, 40); run.hear(3, 30, { phase: 'Compiling' }); run.hear(200, 30, { phase: 'Compiling' }); }, state: 'Running' },
  'by default ten minutes': { look: (run) => { run.hear(2, 1); run.hear(601, 1); }, state: 'Running' },
  'by default ten minutes and no more': { look: (run) => { run.hear(2, 1); run.hear(603, 1); }, state: 'Restarting' },
  'a step that comes at the last moment counts': { spec: { noProgressSeconds: 60 }, look: (run) => { run.hear(2, 1); run.hear(62, 2); }, state: 'Running' },
  // 8 pictures a step at 0.1 pictures a second: 20 steps are 1600 s.
  'slow steps get more': { look: (run) => { run.hear(2, 1, { imagesPerSecond: 0.1 }); run.hear(1500, 1, { imagesPerSecond: 0.1 }); }, state: 'Running' },
  'switched off': { spec: { noProgressSeconds: 0 }, look: (run) => { run.hear(2, 1); run.hear(1e6, 1); }, state: 'Running' },
  'an absence of the hands is not the run\'s': { spec: { noProgressSeconds: 60 }, look: (run) => { run.hear(2, 1); run.look(500, 'RR', { watchedSince: at(490) }); }, state: 'Running' },
};
for (const [name, { spec, look, state }] of Object.entries(stalls)) {
  test(`progress: ${name}`, () => {
    const run = new Run(training(spec)).begun();
    look(run);
    assert.equal(run.status?.state, state);
  });
}

test('the deadline ends the run, restarts included; more time goes on', () => {
  const run = new Run(training({ activeDeadlineSeconds: 100 }));
  assert.equal(run.look(0, '').status.activeSince, at(0));
  assert.equal(run.look(1, 'RR').wakeAt, at(100));
  run.look(50, 'ER');
  assert.equal(run.status?.attempt, 2);
  assert.equal(run.look(99, 'RR').status.state, 'Running');
  const over = run.look(100, 'RR');
  assert.deepEqual([over.status.state, run.reason('Failed'), run.reason('Stalled')], ['Failed', 'DeadlineExceeded', 'DeadlineExceeded']);
  assert.deepEqual(over.deletes.map(({ name }) => name), ['t-train-2-0', 't-train-2-1']);
  run.gang = changed(run.gang, { activeDeadlineSeconds: 1000 });
  run.look(200, 'TT');
  assert.deepEqual([run.status?.state, run.status?.attempt, run.status?.activeSince], ['Restarting', 3, at(200)]);
});

test('a suspension stops the clock of the deadline', () => {
  const run = new Run(training({ activeDeadlineSeconds: 100 })).begun();
  run.gang = changed(run.gang, { suspend: true });
  run.look(50, 'RR');
  run.look(60, '');
  assert.deepEqual([run.status?.state, run.status?.activeSince], ['Suspended', undefined]);
  run.gang = changed(run.gang, { suspend: false });
  run.look(500, '');
  assert.equal(run.status?.activeSince, at(500));
});

test('pods go some time after the end, the resource stays what it was', () => {
  const run = new Run(training({ ttlSecondsAfterFinished: 60 })).begun();
  run.look(10, 'SS');
  const waiting = run.look(11, 'SS');
  assert.deepEqual([waiting.deletes, waiting.wakeAt], [[], at(70)]);
  assert.deepEqual(run.look(70, 'SS').deletes.map(({ kind, name }) => `${kind} ${name}`), ['Job t-train-1']);
  const gone = run.look(80, '');
  assert.deepEqual([gone.status.state, gone.deletes, gone.objects, gone.wakeAt], ['Complete', [], [], undefined]);
});

test('hands that died between the end and the last deletion are made good', () => {
  const run = new Run(training()).begun();
  run.look(10, 'RX');
  assert.deepEqual(run.look(11, 'RX').deletes.map(({ name }) => name), ['t-train-1-0']);
});

test('what another controller manages is left alone', () => {
  const run = new Run(training({ managedBy: 'kueue.x-k8s.io/multikueue' }));
  assert.deepEqual(run.look(0, ''), { status: {}, deletes: [], objects: [] });
  assert.equal(new Run(training({ managedBy: 'srdit.dev/operator' })).look(0, '').objects.at(-1)?.kind, 'Job');
});

test('what keeps pods from running is told in its own words', () => {
  const run = new Run(training());
  run.look(0, '');
  const unschedulable = { reason: 'Unschedulable', message: '0/3 nodes are available: 3 Insufficient nvidia.com/gpu' };
  run.look(1, '', { pods: pods('PP', 1).map((pod) => (pod.worker === 1 ? { ...pod, waiting: unschedulable } : pod)), jobs: [{ name: 't-train-1', attempt: 1 }] });
  const condition = run.status?.conditions?.find((one) => one.type === 'Running');
  assert.deepEqual([condition?.reason, condition?.message], ['Unschedulable', 'Worker 1 waits: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu']);
  const quota = { reason: 'FailedCreate', message: 'pods "t-train-1-0" is forbidden: exceeded quota' };
  run.look(2, '', { jobs: [{ name: 't-train-1', attempt: 1, waiting: quota }] });
  assert.deepEqual([run.reason(), run.status?.conditions?.find((one) => one.type === 'Reconciling')?.message], ['FailedCreate', quota.message]);
  run.look(3, 'RR');
  assert.equal(run.reason(), 'AllWorkersRunning');
});

test('a pod that was told to go and does not answer is a lost node: not charged, after the bound', () => {
  const run = new Run(training()).begun();
  const told = pods('RR', 1).map((pod) => (pod.worker === 1 ? { ...pod, reason: 'DeletionByTaintManager', deletionTime: at(30) } : pod));
  const waiting = run.look(40, '', { pods: told, jobs: [{ name: 't-train-1', attempt: 1 }] });
  assert.deepEqual([waiting.status.state, waiting.wakeAt], ['Running', at(90)]);
  const lost = run.look(90, '', { pods: told, jobs: [{ name: 't-train-1', attempt: 1 }] });
  assert.deepEqual([lost.status.state, lost.status.attempt, lost.status.restarts?.charged, run.reason()], ['Restarting', 2, 0, 'Disrupted']);
  assert.deepEqual(lost.deletes.map(({ kind, name, force }) => `${kind} ${name} ${force ?? false}`), ['Job t-train-1 false', 'Pod t-train-1-1 true']);
});

test('a pod that the cluster takes away explains why the others lost a peer', () => {
  const run = new Run(training()).begun();
  run.look(40, '', { pods: pods('RL', 1).map((pod) => (pod.worker === 0 ? { ...pod, reason: 'EvictionByEvictionAPI', deletionTime: at(70) } : pod)), jobs: [{ name: 't-train-1', attempt: 1 }] });
  assert.deepEqual([run.status?.attempt, run.status?.restarts?.charged, run.status?.restarts?.reasons], [2, 0, { Disrupted: 1 }]);
});

/** Attempt 1, for which no restart is left: worker 1 has lost its peer at second 10, worker 0 has not ended. */
function doubtful(): Run {
  const run = new Run(training({ gang: { workers: 2, maxRestarts: 0, backoffSeconds: 10, gpu: { perRank: 0 } } })).begun();
  run.look(10, 'RL');
  assert.deepEqual([run.status?.state, run.reason()], ['Restarting', 'GangLost']);
  const doubting = run.look(15, 'RL');
  assert.deepEqual([run.status?.state, run.reason(), run.reason('Failed'), run.status?.restarts?.charged], ['Restarting', 'NodeMayBeLost', 'NotFailed', 0]);
  assert.deepEqual(doubting.deletes, [{ kind: 'Pod', name: 't-train-1-0' }], 'whoever has not ended is told to go');
  return run;
}
const job = { name: 't-train-1', attempt: 1 };
const worker0 = (seen: Partial<ObservedPod>) => ({ jobs: [job], pods: pods('RL', 1).map((pod) => (pod.worker === 0 ? { ...pod, deletionTime: at(45), ...seen } : pod)) });

test('the last restart is spent, and a peer is lost: free if a worker that was told to go does not answer', () => {
  const run = doubtful();
  const waiting = run.look(50, '', worker0({}));
  assert.deepEqual([run.reason(), waiting.deletes, waiting.wakeAt], ['NodeMayBeLost', [], at(105)]);
  const lost = run.look(105, '', worker0({}));
  assert.deepEqual([run.status?.state, run.status?.attempt, run.reason(), run.status?.restarts?.reasons, run.status?.restarts?.charged], ['Restarting', 2, 'Disrupted', { Disrupted: 1 }, 0]);
  assert.ok(lost.deletes.some(({ kind, name, force }) => kind === 'Pod' && name === 't-train-1-0' && force === true));
  assert.equal(run.status?.nextAttemptTime?.slice(0, 17), at(10).slice(0, 17), 'the wait counts from the loss');
});

const answers: Record<string, { seen: Partial<ObservedPod>; want: [state: string, reason: string] }> = {
  'it stopped as it was told': { seen: { phase: 'Failed', exitCode: 75, endTime: at(16) }, want: ['Failed', 'RestartsSpent'] },
  'it hung and was killed': { seen: { phase: 'Failed', exitCode: 137, endTime: at(45) }, want: ['Failed', 'RestartsSpent'] },
  'it lost its peer, too': { seen: { phase: 'Failed', exitCode: 76, endTime: at(16) }, want: ['Failed', 'RestartsSpent'] },
  'it ended well': { seen: { phase: 'Succeeded', exitCode: 0, endTime: at(16) }, want: ['Failed', 'RestartsSpent'] },
  'the cluster takes it away': { seen: { reason: 'DeletionByTaintManager' }, want: ['Restarting', 'Disrupted'] },
  'the cluster clears it away with its node': { seen: { phase: 'Failed', reason: 'DeletionByPodGC' }, want: ['Restarting', 'Disrupted'] },
  'it says what is wrong': { seen: { phase: 'Failed', exitCode: 64 }, want: ['Failed', 'WrongConfiguration'] },
};
for (const [name, { seen, want }] of Object.entries(answers)) {
  test(`the last restart is spent, and a peer is lost: ${name}`, () => {
    const run = doubtful();
    run.look(50, '', worker0(seen));
    assert.deepEqual([run.status?.state, run.reason()], want);
    if (want[1] === 'RestartsSpent') assert.match(run.status?.conditions?.find(({ type }) => type === 'Failed')?.message ?? '', /^Worker \d lost (rank 1|a peer)\. Restarts are switched off/);
  });
}

test('an exit code that the process chose itself is settled at once, a signal waits for its cause', () => {
  const one = (exitCode: number, reason?: string): Run => {
    const run = new Run(training()).begun();
    run.look(10, '', { pods: pods('RC', 1).map((pod) => (pod.worker === 1 ? { ...pod, exitCode, ...(reason === undefined ? {} : { reason }) } : pod)), jobs: [{ name: 't-train-1', attempt: 1 }] });
    return run;
  };
  assert.deepEqual([one(1).status?.attempt, one(1).status?.restarts?.charged], [2, 1]);
  assert.deepEqual([one(137, 'OOMKilled').status?.attempt, one(137, 'OOMKilled').status?.restarts?.reasons], [2, { OutOfMemory: 1 }]);
  assert.deepEqual([one(137).status?.attempt, one(137).reason()], [1, 'GangLost']);
});

test('an evaluation that measures is not stalled', () => {
  const gang = evaluation({ noProgressSeconds: 60, checkpoint: { uri: 'file:///runs/t/attempts/1/checkpoints/000000100' } });
  const run = new Run(gang);
  const hear = (second: number, step: number, phase: 'Sampling' | 'Measuring'): void => {
    run.look(second, 'R', { progress: { uid: 'uid-1', attempt: 1, phase, time: at(second), step, of: 64 } });
  };
  run.look(0, '');
  run.look(1, 'R');
  hear(2, 32, 'Sampling');
  hear(3, 64, 'Measuring');
  hear(1000, 64, 'Measuring');
  assert.equal(run.status?.state, 'Running');
  hear(1001, 64, 'Sampling');
  assert.equal(run.status.state, 'Restarting');
});
