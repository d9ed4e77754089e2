import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from './plan.ts';
import { changed, evaluation, pods, training } from './testing/resources.ts';
import { toldBy } from './testing/told.ts';
import { DEFAULT_OPTIONS, type Gang, type Observed, type ObservedPod, type Status } from './types.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T00:10:00.000Z';
const options = { ...DEFAULT_OPTIONS, causeWindowSeconds: 5, forceAfterSeconds: 60 };

const observe = (status: Status | undefined, letters: string, attempt = status?.attempt ?? 0, more: Partial<Observed> = {}): Observed => ({
  now: NOW, ...(status === undefined ? {} : { status }), pods: pods(letters, attempt),
  jobs: letters === '' ? [] : [{ name: `t-train-${attempt}`, attempt }], ...more,
});

/** Status of a training whose attempt 1 runs. */
const running = (gang: Gang): Status => plan(gang, observe(plan(gang, observe(undefined, ''), options).status, 'RR'), options).status;

interface Want { state: string; attempt: number; deletes?: string[]; job?: string; reason?: string; charged?: number; free?: number }
const cases: Record<string, { spec?: Record<string, unknown>; pods: string; status?: Partial<Status>; more?: Partial<Observed>; want: Want }> = {
  'a healthy gang is left alone': { pods: 'RR', want: { state: 'Running', attempt: 1, job: 't-train-1', reason: 'AllWorkersRunning' } },
  'a pending worker is waited for': { pods: 'RP', status: { state: 'Starting' }, want: { state: 'Starting', attempt: 1, job: 't-train-1' } },
  'a worker that is through waits for the other': { pods: 'SR', want: { state: 'Running', attempt: 1, job: 't-train-1' } },
  'all through is complete': { pods: 'SS', want: { state: 'Complete', attempt: 1, reason: 'Complete' } },
  'a crashed worker: first see whether a cause shows': { pods: 'CR', want: { state: 'Restarting', attempt: 1, reason: 'GangLost' } },
  'an evicted worker restarts every worker at once, free of charge': {
    pods: 'ER', want: { state: 'Restarting', attempt: 2, deletes: ['Job t-train-1'], reason: 'Disrupted', free: 1 },
  },
  'eviction explains a lost peer': { pods: 'LE', want: { state: 'Restarting', attempt: 2, deletes: ['Job t-train-1'], reason: 'Disrupted', free: 1 } },
  'wrong configuration fails at once, whatever the others say': { pods: 'LX', want: { state: 'Failed', attempt: 1, reason: 'WrongConfiguration' } },
  'wrong configuration ends the survivors': { pods: 'RX', want: { state: 'Failed', attempt: 1, deletes: ['Pod t-train-1-0'], reason: 'WrongConfiguration' } },
  'a loss that is not a number fails at once': { pods: 'NL', want: { state: 'Failed', attempt: 1, reason: 'Diverged' } },
  'suspending deletes the gang': { spec: { suspend: true }, pods: 'RR', want: { state: 'Suspending', attempt: 1, deletes: ['Job t-train-1'], reason: 'Suspending' } },
  'what our TERM did to the gang is no failure': { spec: { suspend: true }, pods: 'TC', more: { jobs: [] }, want: { state: 'Suspended', attempt: 1, reason: 'Suspended' } },
  'a run that ended well while it was told to stop is complete': { spec: { suspend: true }, pods: 'SS', want: { state: 'Complete', attempt: 1, reason: 'Complete' } },
  'resuming takes a new attempt once the old pods are gone': {
    pods: '', status: { state: 'Suspended' }, want: { state: 'Pending', attempt: 2, job: 't-train-2' },
  },
  'resuming waits for old pods': {
    pods: 'R.', status: { state: 'Suspending' }, want: { state: 'Restarting', attempt: 2, deletes: ['Job t-train-1'] },
  },
  'a pod that vanished is a loss': { pods: 'R.', want: { state: 'Restarting', attempt: 1, reason: 'GangLost' } },
  'a Job that is not there yet is created again': { pods: '', status: { state: 'Starting' }, want: { state: 'Pending', attempt: 1, job: 't-train-1' } },
  'own deletions of an older attempt are no failures': {
    pods: '', status: { attempt: 2, state: 'Restarting' },
    more: { pods: pods('CT', 1), jobs: [] }, want: { state: 'Restarting', attempt: 2, job: 't-train-2' },
  },
  'a terminating Job is not deleted twice, and nothing is created beside it': {
    pods: '', status: { attempt: 2, state: 'Restarting' },
    more: { pods: pods('RR', 1), jobs: [{ name: 't-train-1', attempt: 1, deletionTime: NOW }] }, want: { state: 'Restarting', attempt: 2 },
  },
  'pods of a dead kubelet are deleted by force after their grace period': {
    pods: '', status: { attempt: 2, state: 'Restarting' },
    more: { now: LATER, jobs: [], pods: pods('R', 1).map((pod): ObservedPod => ({ ...pod, deletionTime: NOW })) },
    want: { state: 'Restarting', attempt: 2, deletes: ['Pod t-train-1-0'] },
  },
  'a deleted pod that was killed at the end of its grace period costs nothing': {
    pods: 'CL', more: { now: LATER, pods: [...pods('C.', 1).map((pod): ObservedPod => ({ ...pod, exitCode: 137, deletionTime: NOW, endTime: NOW })), ...pods('.L', 1)] },
    status: { conditions: [{ type: 'Running', status: 'False', reason: 'GangLost', message: '', lastTransitionTime: NOW, observedGeneration: 1 }] },
    want: { state: 'Restarting', attempt: 2, deletes: ['Job t-train-1'], reason: 'Stopped', free: 1 },
  },
  'a pod that was killed, and then deleted by the Job because its peer had failed, is charged': {
    pods: 'CL', more: { now: LATER, pods: [...pods('C.', 1).map((pod): ObservedPod => ({ ...pod, exitCode: 137, deletionTime: LATER, endTime: NOW })), ...pods('.L', 1)] },
    status: { conditions: [{ type: 'Running', status: 'False', reason: 'GangLost', message: '', lastTransitionTime: NOW, observedGeneration: 1 }] },
    want: { state: 'Restarting', attempt: 2, deletes: ['Job t-train-1'], reason: 'WorkerCrashed', charged: 1 },
  },
  'a peer that was lost with its node costs nothing, once the node does not answer': {
    pods: '', more: { now: LATER, jobs: [], pods: pods('R', 1).map((pod): ObservedPod => ({ ...pod, deletionTime: NOW })) },
    status: {
      attempt: 2, state: 'Restarting', restarts: { charged: 2, free: 1, reasons: { PeerLost: 1, WorkerCrashed: 1 } },
      conditions: [{ type: 'Running', status: 'False', reason: 'PeerLost', message: '', lastTransitionTime: NOW, observedGeneration: 1 }],
    },
    want: { state: 'Restarting', attempt: 2, deletes: ['Pod t-train-1-0'], reason: 'Disrupted', charged: 1, free: 2 },
  },
  'a peer that was cleared away with its node costs nothing': {
    pods: '', more: { jobs: [], pods: pods('R', 1).map((pod): ObservedPod => ({ ...pod, phase: 'Failed', reason: 'DeletionByPodGC' })) },
    status: {
      attempt: 2, state: 'Restarting', restarts: { charged: 1, free: 0, reasons: { PeerLost: 1 } },
      conditions: [{ type: 'Running', status: 'False', reason: 'PeerLost', message: '', lastTransitionTime: NOW, observedGeneration: 1 }],
    },
    want: { state: 'Restarting', attempt: 2, job: 't-train-2', reason: 'Disrupted', charged: 0, free: 1 },
  },
  'a backoff is waited out': { pods: '', status: { attempt: 2, state: 'Restarting', nextAttemptTime: LATER }, want: { state: 'Restarting', attempt: 2 } },
};

for (const [name, { spec, pods: letters, status, more, want }] of Object.entries(cases)) {
  test(`plan: ${name}`, () => {
    const gang = training(spec);
    const before = { ...running(training()), ...status };
    const planned = plan(gang, { ...observe(before, letters, 1), ...more }, options);
    assert.equal(planned.status.state, want.state);
    assert.equal(planned.status.attempt, want.attempt);
    assert.deepEqual(planned.deletes.map((one) => `${one.kind} ${one.name}`), want.deletes ?? []);
    assert.equal(planned.objects.find((object) => object.kind === 'Job')?.metadata.name, want.job);
    if (want.reason !== undefined) assert.equal(planned.status.conditions?.find((one) => one.type === 'Running')?.reason, want.reason);
    assert.equal(planned.status.restarts?.charged, want.charged ?? 0);
    assert.equal(planned.status.restarts?.free, want.free ?? 0);
    assert.ok(planned.status.conditions?.every((one) => one.observedGeneration === 1));
    // Planning again from what was written changes nothing more, but for the wait for older pods.
    const again = plan(gang, { ...observe(before, letters, 1), ...more, status: planned.status }, options);
    assert.equal(again.status.attempt, planned.status.attempt);
    assert.deepEqual(again.status.restarts, planned.status.restarts);
  });
}

/** Plans at each of the moments with the pods seen, carrying the status on. */
function story(gang: Gang, chapters: readonly (readonly [now: string, letters: string, attempt: number])[], status?: Status): ReturnType<typeof plan> {
  let planned = plan(gang, observe(status, '', 0), options);
  for (const [now, letters, attempt] of chapters) planned = plan(gang, observe(planned.status, letters, attempt, { now }), options);
  return planned;
}

test('a crash is charged after the window, and the wait counts from the loss', () => {
  const planned = story(training(), [[NOW, 'RR', 1], [NOW, 'CL', 1], ['2026-01-01T00:00:05.000Z', 'CL', 1]]);
  assert.equal(planned.status.attempt, 2);
  assert.deepEqual(planned.status.restarts, { charged: 1, free: 0, sinceProgress: 1, mark: 0, reasons: { WorkerCrashed: 1 } });
  const wait = (Date.parse(planned.status.nextAttemptTime ?? '') - Date.parse(NOW)) / 1000;
  assert.ok(wait > 8 && wait <= 10, `first wait is 10 s less up to a fifth, was ${wait}`);
  assert.match(planned.status.conditions?.find((one) => one.type === 'Running')?.message ?? '', /Worker 0 ended with exit code 137 \(SIGKILL\)/);
});

test('a cause that shows within the window is not charged', () => {
  const planned = story(training(), [[NOW, 'RR', 1], [NOW, 'CL', 1], ['2026-01-01T00:00:03.000Z', 'EL', 1]]);
  assert.deepEqual(planned.status.restarts, { charged: 0, free: 1, sinceProgress: 1, mark: 0, reasons: { Disrupted: 1 } });
});

test('waits double, up to 5 minutes, until a newer checkpoint is there; then they start over', () => {
  const gang = training({ gang: { workers: 2, maxRestarts: 100, backoffSeconds: 10, gpu: { perRank: 0 } } });
  let status = plan(gang, observe(undefined, ''), options).status;
  const waits: number[] = [];
  let now = Date.parse(NOW);
  for (let attempt = 1; attempt <= 9; attempt += 1) {
    const at = (): string => new Date(now).toISOString();
    status = plan(gang, observe(status, 'RR', attempt, { now: at() }), options).status;
    if (attempt === 8) {
      const checkpoint = { step: 40, uri: 'file:///runs/t/attempts/8/checkpoints/000000040', bytes: 1, digest: 'd' };
      status = { ...status, checkpoints: { last: checkpoint, newest: [checkpoint] } };
    }
    status = plan(gang, observe(status, 'CL', attempt, { now: at() }), options).status;
    const lostAt = now;
    now += 5000;
    status = plan(gang, observe(status, 'CL', attempt, { now: at() }), options).status;
    waits.push((Date.parse(status.nextAttemptTime ?? '') - lostAt) / 1000);
    now = Math.max(now, Date.parse(status.nextAttemptTime ?? ''));
    status = plan(gang, observe(status, '', attempt + 1, { now: at() }), options).status;
  }
  const expected = [10, 20, 40, 80, 160, 300, 300, 10, 20];
  waits.forEach((wait, index) => assert.ok(wait > 0.8 * (expected[index] ?? 0) - 0.01 && wait <= (expected[index] ?? 0), `wait ${index} is ${wait}`));
});

test('the budget ends the run with the cause and the mend', () => {
  const gang = training({ gang: { workers: 2, maxRestarts: 0, gpu: { perRank: 0 } } });
  const planned = story(gang, [[NOW, 'RR', 1], [NOW, 'RC', 1], ['2026-01-01T00:00:05.000Z', 'LC', 1]]);
  assert.equal(planned.status.state, 'Failed');
  const failed = planned.status.conditions?.find((one) => one.type === 'Failed');
  assert.equal(failed?.reason, 'RestartsSpent');
  assert.match(failed.message, /Worker 1 ended with exit code 137 .* raise spec.gang.maxRestarts/);
  assert.equal(planned.status.conditions?.find((one) => one.type === 'Stalled')?.status, 'True');
});

test('failed and complete stay so until the spec changes', () => {
  const gang = training();
  const complete = story(gang, [[NOW, 'RR', 1], [NOW, 'SS', 1]]).status;
  const after = plan(gang, observe(complete, '', 1, { now: LATER, jobs: [] }), options);
  assert.deepEqual([after.status, after.objects, after.deletes], [complete, [], []]);
  assert.equal(plan(changed(gang, { suspend: true }), observe(complete, ''), options).status.state, 'Complete');

  const failed = story(gang, [[NOW, 'RR', 1], [NOW, 'XL', 1]]).status;
  assert.equal(plan(gang, observe(failed, '', 1, { now: LATER, jobs: [] }), options).status.state, 'Failed');
  const mended = plan(changed(gang, { data: { ...gang.spec.data, uri: 'file:///data/other' } }), observe(failed, 'XL', 1, { now: LATER }), options);
  assert.deepEqual([mended.status.attempt, mended.status.state], [2, 'Restarting']);
  assert.deepEqual(mended.status.restarts, { charged: 0, free: 0 });
});

test('more steps go on from a complete training', () => {
  const gang = training();
  const report = { uid: 'uid-1', attempt: 1, phase: 'Training', time: NOW, step: 97, of: 100, loss: 0.5 } as const;
  const midway = plan(gang, observe(running(gang), 'RR', 1, { progress: report }), options).status;
  const complete = plan(gang, observe(midway, 'SS', 1), options).status;
  assert.deepEqual(complete.progress, { step: 100, of: 100, percent: 100, loss: 0.5, lastReportTime: NOW, advancedTime: NOW, etaSeconds: 0 });
  const more = plan(changed(gang, { steps: 200 }), observe(complete, '', 1, { jobs: [] }), options);
  assert.deepEqual([more.status.attempt, more.objects.at(-1)?.metadata.name], [2, 't-train-2']);
});

test('reports of other attempts, other runs and of foreign places are not believed', () => {
  const gang = training();
  const checkpoint = (uri: string) => ({ step: 5, uri, bytes: 1, digest: 'd' });
  const report = { uid: 'uid-1', attempt: 1, phase: 'Training', time: NOW, step: 5, of: 100 } as const;
  const heard = (progress: Observed['progress']): Status => plan(gang, observe(running(gang), 'RR', 1, progress === undefined ? {} : { progress }), options).status;
  assert.equal(heard({ ...report, attempt: 2 }).progress, undefined);
  assert.equal(heard({ ...report, uid: 'uid-2' }).progress, undefined);
  assert.equal(heard({ ...report, checkpoints: [checkpoint('file:///runs/other/5'), checkpoint('file:///runs/t/../other/5')] }).checkpoints, undefined);
  assert.equal(heard({ ...report, checkpoints: [checkpoint('file:///runs/t/attempts/1/checkpoints/000000005')] }).checkpoints?.last?.step, 5);
});

test('an old report does not take back what the last word told', () => {
  const gang = training();
  const checkpoint = (step: number) => ({ step, uri: `file:///runs/t/attempts/1/checkpoints/${step}`, bytes: 1, digest: 'd' });
  const progress = { uid: 'uid-1', attempt: 1, phase: 'Training' as const, time: NOW, step: 5, of: 100, checkpoints: [checkpoint(4)] } satisfies Observed['progress'];
  const heard = plan(gang, observe(running(gang), 'RR', 1, { progress }), options).status;
  const word = { exitCode: 75, reason: 'Stopped', message: 'Stopped', rank: 0, step: 7, checkpoint: checkpoint(7) };
  const told = plan(gang, { ...observe(heard, 'TT', 1, { progress, stop: 'Stopped' }), pods: pods('TT', 1).map((pod) => ({ ...pod, lastWord: word })) }, options).status;
  const after = plan(gang, observe(told, '', 1, { progress, stop: 'Stopped', jobs: [] }), options).status;
  assert.deepEqual([after.state, after.progress?.step, after.checkpoints?.last?.step, after.checkpoints?.newest?.map(({ step }) => step)], ['Suspended', 7, 7, [7, 4]]);
});

test('an evaluation waits for its training and takes its checkpoint', () => {
  const gang = evaluation();
  const at = (trainingStatus: Status | undefined | null) => plan(gang, {
    ...observe(undefined, ''), training: trainingStatus === null ? null : { status: trainingStatus },
  }, options);
  assert.equal(at(null).status.conditions?.find((one) => one.type === 'Running')?.reason, 'TrainingNotFound');
  assert.equal(at({ state: 'Running' }).status.state, 'Pending');
  assert.equal(at({ state: 'Complete' }).status.state, 'Failed');
  const checkpoint = { step: 100, uri: 'file:///runs/t/attempts/1/checkpoints/000000100', bytes: 1, digest: 'd' };
  const ready = at({ state: 'Complete', checkpoints: { last: checkpoint } });
  assert.equal((toldBy(ready.objects.at(-1)) as { checkpointUri: string }).checkpointUri, checkpoint.uri);
});
