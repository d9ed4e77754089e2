/** An evaluation of every checkpoint: rounds, waits, what was skipped, and how it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckpointRef, LastWord, RunConfig } from '@srdit/crds';
import { plan } from './plan.ts';
import { changed, evaluation, pods, training } from './testing/resources.ts';
import { toldBy } from './testing/told.ts';
import { DEFAULT_OPTIONS, type Evaluation, type Observed, type Plan, type Status } from './types.ts';

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z');
const at = (second: number): string => new Date(BEGIN + second * 1000).toISOString();
const every = (spec: Record<string, unknown> = {}): Evaluation => evaluation({ checkpoint: { training: { name: 't', which: 'Every', everySteps: 20 } }, ...spec });
const uri = (step: number, attempt = 1): string => `file:///runs/t/attempts/${attempt}/checkpoints/${String(step).padStart(9, '0')}`;
const checkpoint = (step: number): CheckpointRef => ({ step, uri: uri(step), bytes: 1, digest: 'd' });

/** An evaluation beside a training that writes a checkpoint every 10 of its 100 steps. */
class Run {
  gang = every();
  status: Status | undefined;
  second = 0;
  trained: { status?: Status; spec?: ReturnType<typeof training>['spec'] } | null = { status: { state: 'Running' }, spec: training({ checkpoints: { everySteps: 10 } }).spec };

  constructor(gang: Evaluation = every()) { this.gang = gang; }

  /** The training has these checkpoints, and is in that state. */
  train(state: NonNullable<Status['state']>, ...steps: number[]): this {
    const newest = steps.toSorted((a, b) => b - a).map(checkpoint);
    this.trained = { ...this.trained, status: { state, ...(newest[0] === undefined ? {} : { checkpoints: { last: newest[0], newest: newest.slice(0, 5) } }) } };
    return this;
  }

  look(letters: string, more: Partial<Observed> = {}): Plan {
    this.second += 1;
    const attempt = this.status?.attempt ?? 0;
    const observed: Observed = {
      now: at(this.second), pods: pods(letters, attempt), jobs: letters === '' ? [] : [{ name: `e-eval-${attempt}`, attempt }], training: this.trained,
      ...(this.status === undefined ? {} : { status: this.status }), ...more,
    };
    const planned = plan(this.gang, observed, DEFAULT_OPTIONS);
    assert.deepEqual(plan(this.gang, observed, DEFAULT_OPTIONS), planned, 'the plan is a function');
    this.status = planned.status;
    return planned;
  }

  /** The gang of a round ends well and says what it has measured. */
  measured(step: number, word: Partial<LastWord> = {}): Plan {
    const result = { checkpoint: uri(step), step, count: 64, features: 'pixels 8x8', frechetDistance: 1000 - step };
    return this.look('S', { pods: pods('S', this.status?.attempt ?? 0).map((pod) => ({ ...pod, lastWord: { exitCode: 0, reason: 'Evaluated', message: 'Done', rank: 0, result, ...word } })) });
  }

  /** A whole round from begin to end. */
  round(step: number): Plan {
    this.look('');
    this.look('R');
    return this.measured(step);
  }

  get told(): string { return this.status?.conditions?.find(({ type }) => type === 'Running')?.message ?? ''; }
  get seen() { const { state, attempt, series, results } = this.status ?? {}; return { state, attempt, through: series?.through, results: results?.map(({ step }) => step) }; }
}

const runOf = (planned: Plan): Extract<RunConfig, { kind: 'SRDiTEvaluation' }> =>
  toldBy(planned.objects.at(-1)) as Extract<RunConfig, { kind: 'SRDiTEvaluation' }>;

test('a training and its evaluation from beginning to end: one gang a checkpoint, none between', () => {
  const run = new Run();
  run.look('');
  assert.deepEqual([run.seen.state, run.seen.attempt, run.told], ['Pending', 0, 'Waiting for SRDiTTraining "t" to write the checkpoint of step 20']);
  run.train('Running', 10).look('');
  assert.equal(run.status?.attempt, 0, 'a checkpoint between is not measured');
  const first = run.train('Running', 10, 20).look('');
  assert.deepEqual([runOf(first).checkpointUri, runOf(first).series], [uri(20), { everySteps: 20, after: 0 }]);
  run.look('R');
  assert.deepEqual([run.seen.state, run.status.series?.round], ['Running', { step: 20, uri: uri(20) }]);
  const over = run.measured(20);
  assert.deepEqual(run.seen, { state: 'Pending', attempt: 1, through: 20, results: [20] });
  assert.deepEqual([over.objects, over.deletes, run.told], [[], [], 'Waiting for SRDiTTraining "t" to write the checkpoint of step 40']);
  assert.deepEqual(run.status.conditions?.filter(({ status }) => status === 'True').map(({ type }) => type), ['Reconciling'], 'in progress, as kstatus has it');

  // The pods of a round that is over have nothing more to say, whatever becomes of them,
  const { results } = run.status;
  run.measured(20, { result: { checkpoint: uri(20), step: 0, count: 1, features: 'pixels', frechetDistance: 7 } });
  assert.deepEqual(run.status.results, results, 'not even a result again');
  for (const letters of ['S', 'C', '']) assert.deepEqual([run.look(letters).objects, run.seen.state, run.status.restarts], [[], 'Pending', { charged: 0, free: 0 }]);

  // The next round begins when the Job of the last one has gone.
  const clearing = run.train('Running', 10, 20, 30, 40, 50, 60).look('S');
  assert.deepEqual([run.seen.state, run.seen.attempt, clearing.deletes.map(({ name }) => name), clearing.objects], ['Pending', 2, ['e-eval-1'], []]);
  const second = run.look('', { jobs: [{ name: 'e-eval-1', attempt: 1, deletionTime: at(0) }] });
  assert.deepEqual(second.objects, [], 'attempt 1 is gone before attempt 2 is there');
  const made = run.look('');
  assert.deepEqual([runOf(made).checkpointUri, runOf(made).attempt, run.status.progress], [uri(40), 2, { pictures: 0, of: 64, percent: 0 }], 'the oldest first');
  run.look('R');
  const next = run.measured(40);
  assert.deepEqual([run.told, next.wakeAt], ['The checkpoint of step 60 is next', at(run.second)]);
  run.train('Complete', 60, 70, 80, 90, 100).round(60);
  run.round(80);
  assert.deepEqual(run.seen, { state: 'Pending', attempt: 4, through: 80, results: [80, 60, 40, 20] });
  assert.deepEqual(runOf(run.look('')).series, { everySteps: 20, after: 80, final: 100 });
  run.look('R');
  run.measured(100);
  assert.deepEqual(run.seen, { state: 'Complete', attempt: 5, through: 100, results: [100, 80, 60, 40, 20] });
  assert.deepEqual([run.status.series, run.status.restarts], [{ through: 100, measured: 5 }, { charged: 0, free: 0 }]);
  assert.equal(run.status.conditions?.find(({ type }) => type === 'Complete')?.message, '5 checkpoints were measured');
  const after = run.look('S');
  assert.deepEqual([after.objects, after.deletes, run.seen.state], [[], [], 'Complete']);
});

test('the final checkpoint is measured whatever its step, and only once', () => {
  const run = new Run().train('Running', 20);
  run.round(20);
  run.train('Complete', 20, 30, 35).look('');
  assert.deepEqual(run.status?.series?.round, { step: 35, uri: uri(35) });
  run.look('R');
  run.measured(35);
  assert.deepEqual(run.seen, { state: 'Complete', attempt: 2, through: 35, results: [35, 20] });
});

test('a killed round is restarted with its own checkpoint and charged; a round that ended is neither charged nor free', () => {
  const run = new Run().train('Running', 20);
  run.look('');
  run.look('R', { progress: { uid: 'uid-1', attempt: 1, phase: 'Sampling', time: at(5), step: 30, of: 64 } });
  const crashed = pods('C', 1).map((pod) => ({ ...pod, exitCode: 1 }));
  // Meanwhile the training has gone on, and lists the checkpoint no more.
  run.train('Running', 30, 40, 50, 60, 70);
  run.look('', { pods: crashed, jobs: [{ name: 'e-eval-1', attempt: 1 }] });
  assert.deepEqual([run.seen.state, run.seen.attempt, run.status?.restarts?.charged, run.status?.series?.round], ['Restarting', 2, 1, { step: 20, uri: uri(20) }]);
  run.second += 600;
  const again = run.look('');
  assert.deepEqual([runOf(again).checkpointUri, run.seen.state], [uri(20), 'Restarting']);
  run.look('R');
  run.measured(20);
  assert.deepEqual([run.status?.restarts, run.status?.series?.through], [{ charged: 1, free: 0, reasons: { WorkerCrashed: 1 } }, 20]);
  run.round(40);
  assert.deepEqual([run.status?.restarts?.charged, run.seen.attempt], [1, 3]);
});

test('the budget of restarts is that of the whole evaluation', () => {
  const run = new Run(every({ gang: { maxRestarts: 1, backoffSeconds: 0, gpu: { perRank: 0 } } })).train('Running', 20, 40);
  const crash = (): Plan => run.look('', { pods: pods('C', run.status?.attempt ?? 0).map((pod) => ({ ...pod, exitCode: 1 })), jobs: [] });
  run.look('');
  crash();
  run.look('');
  run.look('R');
  run.measured(20);
  run.look('');
  crash();
  assert.deepEqual([run.seen.state, run.status?.conditions?.find(({ type }) => type === 'Failed')?.reason], ['Failed', 'RestartsSpent']);
  // A person raises it: the round goes on, and what was measured stays.
  run.gang = changed(run.gang, { gang: { ...run.gang.spec.gang, maxRestarts: 9 } });
  run.look('');
  assert.deepEqual([run.status?.attempt, run.status?.series?.round?.step, run.seen.results, run.status?.restarts], [4, 40, [20], { charged: 0, free: 0 }]);
});

const skips: Record<string, { listed: number[]; word?: Partial<LastWord>; measures: number; series: Status['series'] }> = {
  'what is gone before its turn is counted, with the newest of them': { listed: [60, 70, 80], measures: 60, series: { through: 60, measured: 1, skipped: { count: 2, last: 40 } } },
  'an older one that storage still holds is measured first': { listed: [60, 70, 80], measures: 20, series: { through: 20, measured: 1 } },
  'the one that was listed is gone, a newer one is there': { listed: [20], measures: 60, series: { through: 60, measured: 1, skipped: { count: 2, last: 40 } } },
  'the one that was listed is gone, and nothing else is there': { listed: [20], word: { result: undefined, reason: 'NothingDue' }, measures: 20, series: { through: 20, measured: 0, skipped: { count: 1, last: 20 } } },
};
for (const [name, { listed, word, measures, series }] of Object.entries(skips)) {
  test(`skipped: ${name}`, () => {
    const run = new Run().train('Running', ...listed);
    run.look('');
    run.look('R');
    run.measured(measures, word);
    assert.deepEqual(run.status?.series, series);
    assert.equal(run.seen.state, 'Pending', 'it ends nothing');
  });
}

const DAMAGE = 'Cannot read checkpoint "x": the sha256 of "ema.safetensors" is not the one in its manifest';
/** The gang of a round finds its checkpoint damaged; its other worker lost a peer. */
function damaged(run: Run, word: Partial<LastWord> = {}): Plan {
  const attempt = run.status?.attempt ?? 0;
  const [pod] = pods('X', attempt);
  const [peer] = pods('L', attempt);
  assert.ok(pod !== undefined && peer !== undefined);
  return run.look('', { jobs: [{ name: `e-eval-${attempt}`, attempt, failed: 'BackoffLimitExceeded' }], pods: [{ ...peer, worker: 1 }, { ...pod, lastWord: { exitCode: 64, reason: 'CheckpointDamaged', message: DAMAGE, rank: 0, ...word } }] });
}

test('a damaged checkpoint is noted with its sentence, newest first, and the rounds go on; it is no restart', () => {
  const run = new Run(every({ gang: { workers: 2, maxRestarts: 0, gpu: { perRank: 0 } } })).train('Running', 20, 40, 60);
  run.look('');
  run.look('RR');
  const next = damaged(run);
  assert.deepEqual([run.seen, run.told, next.wakeAt], [{ state: 'Pending', attempt: 1, through: 20, results: undefined }, 'The checkpoint of step 40 is next', at(run.second)]);
  assert.deepEqual(run.status?.series, { through: 20, measured: 0, damaged: { count: 1, newest: [{ checkpoint: uri(20), step: 20, message: DAMAGE }] } });
  assert.equal(run.status.progress?.pictures ?? 0, 0);
  // Its failed pods say nothing more.
  run.train('Running', 20).look('');
  damaged(run);
  assert.deepEqual([run.seen.state, run.status.series?.damaged?.count, run.status.restarts], ['Pending', 1, { charged: 0, free: 0 }]);

  run.train('Running', 20, 40, 60).look('');
  run.look('RR');
  run.look('', { pods: pods('SS', 2).map((pod) => ({ ...pod, lastWord: { exitCode: 0, reason: 'Evaluated', message: 'Done', rank: pod.worker, ...(pod.worker === 0 && { result: { checkpoint: uri(40), step: 40, count: 64, features: 'pixels 8x8', frechetDistance: 1 } }) } })) });
  run.train('Complete', 40, 60).look('');
  run.look('RR');
  damaged(run, { message: 'worse' });
  assert.deepEqual(run.seen, { state: 'Complete', attempt: 3, through: 60, results: [40] });
  assert.deepEqual([run.status.series?.damaged?.newest.map(({ step }) => step), 'skipped' in (run.status.series ?? {}), run.status.progress?.pictures], [[60, 20], false, 0]);
  assert.equal(run.status.conditions?.find(({ type }) => type === 'Complete')?.message, '1 checkpoint was measured; 2 are damaged, as status.series.damaged tells');
});

const mistaken: Record<string, { measuring: LastWord['measuring']; noted: { checkpoint: string; step: number } }> = {
  'an older one that storage still held': { measuring: { step: 40, uri: uri(40, 3) }, noted: { checkpoint: uri(40, 3), step: 40 } },
  'none that it names: it is the one it was told': { measuring: undefined, noted: { checkpoint: uri(60), step: 60 } },
  'one of another training is not believed': { measuring: { step: 40, uri: 'file:///runs/other/attempts/1/checkpoints/000000040' }, noted: { checkpoint: uri(60), step: 60 } },
  'one that had its turn is not believed': { measuring: { step: 20, uri: uri(20) }, noted: { checkpoint: uri(60), step: 60 } },
};
for (const [name, { measuring, noted }] of Object.entries(mistaken)) {
  test(`damaged: ${name}`, () => {
    const run = new Run().train('Running', 20);
    run.round(20);
    run.train('Running', 60, 70, 80).look('');
    run.look('R');
    damaged(run, { measuring });
    const { through, damaged: list, skipped } = run.status?.series ?? {};
    assert.deepEqual([through, list?.newest, skipped], [noted.step, [{ ...noted, message: DAMAGE }], noted.step === 60 ? { count: 1, last: 40 } : undefined]);
  });
}

test('a wrong configuration ends an evaluation of every checkpoint, whatever another rank says of the checkpoint', () => {
  const run = new Run().train('Running', 20);
  run.look('');
  run.look('', { pods: [...pods('X', 1), ...pods('.X', 1).map((pod) => ({ ...pod, lastWord: { exitCode: 64, reason: 'CheckpointDamaged', message: DAMAGE, rank: 1 } }))] });
  assert.deepEqual([run.seen.state, run.status?.conditions?.find(({ type }) => type === 'Failed')?.reason], ['Failed', 'WrongConfiguration']);
});

test('what was skipped is said at the end, with the mend', () => {
  const run = new Run().train('Complete', 100);
  run.round(100);
  assert.equal(run.status?.conditions?.find(({ type }) => type === 'Complete')?.message,
    '1 checkpoint was measured; 4 were gone before their turn, the last of step 80: raise spec.checkpoints.keep of SRDiTTraining "t" to have them spared');
});

test('rank 0 tells which checkpoint it has taken up: another one of this training is believed, nothing else', () => {
  const run = new Run().train('Running', 60);
  const hear = (measuring: { step: number; uri: string }): Plan =>
    run.look('R', { progress: { uid: 'uid-1', attempt: 1, phase: 'Sampling', time: at(run.second), step: 1, of: 64, measuring } });
  run.look('');
  for (const foreign of ['file:///runs/other/attempts/1/checkpoints/000000020', 'file:///runs/t/../u/attempts/1/checkpoints/000000020', 'file:///runs/t']) {
    hear({ step: 20, uri: foreign });
    assert.equal(run.status?.series?.round?.step, 60, foreign);
  }
  hear({ step: 20, uri: uri(20, 3) });
  assert.deepEqual(run.status?.series?.round, { step: 20, uri: uri(20, 3) });
  // The next attempt is told that one.
  run.look('', { pods: pods('E', 1), jobs: [] });
  run.second += 600;
  assert.equal(runOf(run.look('')).checkpointUri, uri(20, 3));
});

test('what rank 0 of the last round still says is not taken for the next one', () => {
  const run = new Run().train('Running', 20, 40);
  const progress = { uid: 'uid-1', attempt: 1, phase: 'Done', time: at(3), step: 64, of: 64, measuring: { step: 20, uri: uri(20) } } satisfies Observed['progress'];
  run.look('');
  run.look('R', { progress });
  run.measured(20);
  for (const letters of ['S', '']) {
    run.look(letters, { progress });
    assert.deepEqual([run.status?.attempt, run.status?.series?.round?.step, run.status?.progress], [2, 40, { pictures: 0, of: 64, percent: 0 }]);
  }
});

test('a rank that does not know the step of its checkpoint is put right', () => {
  const run = new Run().train('Running', 20, 40);
  run.look('');
  run.look('R');
  run.measured(20, { result: { checkpoint: uri(20), step: 0, count: 64, features: 'pixels', frechetDistance: 2 } });
  assert.deepEqual([run.seen.through, run.seen.results], [20, [20]]);
});

test('a training that failed: what it left is measured, its last checkpoint too; when it goes on, so does the evaluation', () => {
  const run = new Run().train('Failed', 20, 27);
  run.round(20);
  run.round(27);
  assert.deepEqual(run.seen, { state: 'Complete', attempt: 2, through: 27, results: [27, 20] });
  assert.match(run.status?.conditions?.find(({ type }) => type === 'Complete')?.message ?? '', /^2 checkpoints were measured\. SRDiTTraining "t" failed; when it goes on, so does this evaluation$/);
  run.train('Running', 27, 30).look('');
  assert.equal(run.seen.state, 'Complete');
  run.train('Running', 27, 30, 40).look('');
  assert.deepEqual([run.status?.series?.round?.step, run.status?.conditions?.find(({ type }) => type === 'Complete')?.status, run.status?.completionTime], [40, 'False', undefined]);
  run.look('R');
  run.measured(40);
  assert.deepEqual(run.seen, { state: 'Pending', attempt: 3, through: 40, results: [40, 27, 20] });
});

test('nothing to measure: waited for while it may come, a failure when it cannot', () => {
  const told = (run: Run): (string | undefined)[] => [run.seen.state, run.status?.conditions?.find(({ type }) => type === 'Running')?.reason];
  const run = new Run();
  run.trained = null;
  run.look('');
  assert.deepEqual(told(run), ['Pending', 'TrainingNotFound']);
  run.train('Failed').look('');
  assert.deepEqual(told(run), ['Pending', 'TrainingFailed']);
  run.train('Complete').look('');
  assert.deepEqual(told(run), ['Failed', 'NoCheckpoint']);
});

test('suspended between two rounds it begins none; suspended in a round it goes on with it', () => {
  const run = new Run().train('Running', 20);
  run.round(20);
  run.gang = changed(run.gang, { suspend: true });
  const leaving = run.train('Running', 20, 40).look('S');
  assert.deepEqual([run.seen.state, leaving.deletes.length], ['Suspending', 1]);
  run.look('');
  assert.deepEqual([run.seen.state, run.seen.attempt], ['Suspended', 1]);
  run.gang = changed(run.gang, { suspend: false });
  run.look('');
  assert.deepEqual([run.seen.attempt, run.status?.series?.round?.step], [2, 40]);
  run.look('R');
  run.gang = changed(run.gang, { suspend: true });
  run.look('R');
  run.look('');
  run.gang = changed(run.gang, { suspend: false });
  run.look('');
  assert.deepEqual([run.seen.attempt, run.status?.series?.round?.step, run.status?.restarts], [3, 40, { charged: 0, free: 0 }]);
});

test('the deadline is that of a round', () => {
  const run = new Run(every({ activeDeadlineSeconds: 100 })).train('Running', 20);
  run.round(20);
  run.second += 10_000;
  run.look('S');
  assert.deepEqual([run.seen.state, run.status?.activeSince], ['Pending', undefined]);
  run.train('Running', 20, 40).look('');
  run.look('R');
  run.second += 100;
  run.look('R');
  assert.deepEqual([run.seen.state, run.status?.conditions?.find(({ type }) => type === 'Failed')?.reason], ['Failed', 'DeadlineExceeded']);
});

test('a status holds the newest 64 results', () => {
  const run = new Run();
  for (let step = 20; step <= 20 * 70; step += 20) run.train('Running', step).round(step);
  assert.deepEqual([run.seen.results?.length, run.seen.results?.[0], run.seen.results?.at(-1), run.status?.series?.measured], [64, 1400, 140, 70]);
});

test('an evaluation that was suspended before its training was complete waits for it all the same', () => {
  const run = new Run(evaluation({ suspend: true }));
  run.look('');
  assert.equal(run.seen.state, 'Suspended');
  run.gang = changed(run.gang, { suspend: false });
  const resumed = run.look('');
  assert.deepEqual([run.seen.state, run.seen.attempt, resumed.objects], ['Pending', 0, []]);
});
