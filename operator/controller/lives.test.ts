/** Whole lives of runs against a fake API server with its kubelets: what users see, and what the law says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, type ResourceName } from 'kopf-ts';
import { evaluations, events, jobs, networkPolicies, pods, services, trainings, type Pod } from './kubernetes.ts';
import { toldBy } from '../plan/testing/told.ts';
import { NAMESPACE, World } from './testing/world.ts';
import { worker, type Life, type Worker } from './testing/kubelets.ts';

const SECOND = 1000;
const done: Life = { after: 60 * SECOND, exitCode: 0 };
/** One worker of one attempt lives otherwise. */
const except = (attempt: number, worker: number, life: Life) => (one: Worker): Life => (one.attempt === attempt && one.worker === worker ? life : done);
const names = (world: World, resource: ResourceName): string[] => world.server.list(resource).map(({ metadata }) => metadata.name ?? '');

/** No breach of the law, and nothing written over and over. */
function lawful(world: World): void { assert.deepEqual(world.law.breaches, []); }

test('a run starts, runs and is complete', async () => {
  const world = new World();
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Running');
  assert.deepEqual(names(world, services), ['t-train']);
  assert.deepEqual(names(world, networkPolicies), ['t-train']);
  assert.deepEqual(names(world, jobs), ['t-train-1']);
  assert.deepEqual([world.status('t').attempt, world.status('t').observedGeneration], [1, 1]);
  await world.reaches('t', 'Complete');
  await world.clock.advance(60 * SECOND);
  const { attempt, restarts, completionTime } = world.status('t');
  assert.deepEqual([attempt, restarts, typeof completionTime], [1, { charged: 0, free: 0 }, 'string']);
  assert.deepEqual(world.told('t'), ['Started: All workers of attempt 1 are running', 'Complete: Every worker has ended well']);
  assert.deepEqual(world.law.begun.get('lab/SRDiTTraining/t'), [1]);
  lawful(world);
  await operator.stop();
});

test('requests of a gang: a write for each object and each state, and no reads', async () => {
  const world = new World({ life: () => 'runs' });
  const operator = world.start();
  await world.clock.advance(SECOND);
  world.server.requests.clear();
  world.train('t');
  await world.reaches('t', 'Running');
  await world.clock.advance(8 * SECOND);
  assert.deepEqual(Object.fromEntries(world.server.requests), {
    'create jobs.batch': 1, 'create networkpolicies.networking.k8s.io': 1, 'create services': 1, 'create events.events.k8s.io': 1,
    'apply srdittrainings.srdit.dev/status': 3,
  });
  await operator.stop();
});

test('one worker crashes: one new attempt, charged once, never beside the old one', async () => {
  const world = new World({ life: except(1, 1, { after: 10 * SECOND, exitCode: 137 }) });
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Complete');
  const { attempt, restarts } = world.status('t');
  assert.deepEqual([attempt, restarts?.charged, restarts?.free, restarts?.reasons], [2, 1, 0, { WorkerCrashed: 1 }]);
  assert.deepEqual(world.law.begun.get('lab/SRDiTTraining/t'), [1, 2]);
  assert.ok(world.told('t').includes('Restarting: Attempt 2 follows. Worker 1 ended with exit code 137 (SIGKILL)'), world.told('t').join('\n'));
  lawful(world);
  await operator.stop();
});

test('an eviction is not charged', async () => {
  const world = new World({ life: except(1, 0, { after: 10 * SECOND, evicted: true }) });
  world.train('t', { gang: { workers: 2, maxRestarts: 0, backoffSeconds: 1, gpu: { perRank: 0 } } });
  const operator = world.start();
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.status('t').restarts?.free], [2, 0, 1]);
  lawful(world);
  await operator.stop();
});

test('a deleted pod costs an attempt and no budget', async () => {
  const world = new World();
  world.train('t', { gang: { workers: 2, maxRestarts: 0, backoffSeconds: 1, gpu: { perRank: 0 } } });
  const operator = world.start();
  await world.reaches('t', 'Running');
  world.server.delete(pods, keyOf(world.kubelets.podsOf('t', 1)[0] ?? { metadata: {} }));
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.status('t').restarts?.free], [2, 0, 1]);
  lawful(world);
  await operator.stop();
});

test('a spent budget is the end, and what still runs is told to go', async () => {
  const world = new World({ life: ({ worker }) => (worker === 0 ? { after: 5 * SECOND, exitCode: 1 } : done) });
  world.train('t', { gang: { workers: 2, maxRestarts: 1, backoffSeconds: 1, gpu: { perRank: 0 } } });
  const operator = world.start();
  await world.reaches('t', 'Failed');
  assert.deepEqual([world.status('t').attempt, world.reason('t', 'Failed'), world.reason('t', 'Stalled')], [2, 'RestartsSpent', 'RestartsSpent']);
  await world.clock.advance(60 * SECOND);
  assert.equal(world.server.list(pods).filter(({ status }) => status?.phase === 'Running').length, 0);
  await operator.stop();
});

test('a suspension lets the gang end in order; afterwards the next attempt goes on', async () => {
  const world = new World();
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Running');
  world.patch('t', { suspend: true });
  await world.reaches('t', 'Suspending');
  await world.reaches('t', 'Suspended');
  await world.clock.advance(SECOND);
  assert.deepEqual([names(world, pods), names(world, jobs)], [[], []]);
  await world.clock.advance(600 * SECOND);
  assert.equal(world.status('t').attempt, 1, 'it stays suspended');
  world.patch('t', { suspend: false });
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged], [2, 0]);
  assert.deepEqual(world.told('t').map((text) => text.split(':')[0]), ['Started', 'Suspending', 'Suspended', 'Started', 'Complete']);
  lawful(world);
  await operator.stop();
});

test('a wrong configuration fails at once, with the sentence of the runtime', async () => {
  const message = 'Cannot find the data set "file:///data/packed"';
  const world = new World({ life: ({ worker }) => (worker === 0 ? { after: SECOND, exitCode: 64, word: { message } } : done) });
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Failed');
  assert.deepEqual([world.status('t').attempt, world.reason('t', 'Failed')], [1, 'WrongConfiguration']);
  assert.ok(world.told('t').includes(`WrongConfiguration: ${message}`));
  await world.clock.advance(600 * SECOND);
  assert.deepEqual(world.law.begun.get('lab/SRDiTTraining/t'), [1]);
  await operator.stop();
});

test('a spec that cannot be read is refused once, and taken up when it is mended', async () => {
  const world = new World();
  world.train('t');
  world.patch('t', { steps: 'many' });
  const operator = world.start();
  await world.reaches('t', 'Failed');
  assert.equal(world.reason('t', 'Failed'), 'WrongConfiguration');
  assert.match(world.status('t').conditions?.find(({ type }) => type === 'Failed')?.message ?? '', /^Cannot read spec\.steps: /);
  world.server.requests.clear();
  await world.clock.advance(200 * SECOND);
  assert.deepEqual([...world.server.requests.keys()].filter((request) => !request.startsWith('watch')), [], 'nothing is tried again');
  world.patch('t', { steps: 100 });
  await world.reaches('t', 'Complete');
  await operator.stop();
});

test('a gang that runs goes on though its spec cannot be read any more', async () => {
  const world = new World({ life: () => 'runs' });
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Running');
  world.patch('t', { steps: 'many' });
  await world.clock.advance(60 * SECOND);
  assert.deepEqual([world.status('t').state, world.server.list(pods).length], ['Running', 2]);
  assert.match(world.told('t').at(-1) ?? '', /^WrongConfiguration: Cannot read spec\.steps/);
  await operator.stop();
});

test('what another controller manages is left alone', async () => {
  const world = new World();
  world.train('t', { managedBy: 'kueue.x-k8s.io/multikueue' });
  const operator = world.start();
  await world.clock.advance(60 * SECOND);
  assert.deepEqual([world.server.list(jobs), world.status('t')], [[], {}]);
  await operator.stop();
});

test('deleted and made again under the same name: the leftovers leave first', async () => {
  const world = new World();
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Running');
  world.server.delete(trainings, `${NAMESPACE}/t`);
  world.train('t');
  await world.reaches('t', 'Complete');
  lawful(world);
  const { uid } = world.server.find(trainings, `${NAMESPACE}/t`)?.metadata ?? {};
  for (const resource of [services, networkPolicies, jobs]) {
    assert.deepEqual(world.server.list(resource as ResourceName).map(({ metadata }) => metadata.ownerReferences?.[0]?.uid), [uid], resource.kind);
  }
  world.server.delete(trainings, `${NAMESPACE}/t`);
  await world.clock.advance(60 * SECOND);
  for (const resource of [services, networkPolicies, jobs, pods]) assert.deepEqual(names(world, resource), [], resource.kind);
  assert.equal(operator.gangs.remembered(), 0);
  await operator.stop();
});

test('a name that a stranger has is waited for, and said', async () => {
  const world = new World();
  world.make(services, { metadata: { name: 't-train', namespace: NAMESPACE } });
  world.train('t');
  const operator = world.start();
  await world.clock.advance(60 * SECOND);
  assert.deepEqual([names(world, jobs), world.told('t')], [[], ['NameTaken: Cannot create Service "t-train": there is one of that name that is not ours. Delete it, or give this resource another name']]);
  world.server.delete(services, `${NAMESPACE}/t-train`);
  await world.reaches('t', 'Complete');
  await operator.stop();
});

test('a Service that somebody deletes comes back', async () => {
  const world = new World({ life: () => 'runs' });
  world.train('t');
  const operator = world.start();
  await world.reaches('t', 'Running');
  world.server.delete(services, `${NAMESPACE}/t-train`);
  await world.clock.advance(SECOND);
  assert.deepEqual(names(world, services), ['t-train']);
  await operator.stop();
});

test('a lost node is waited for, then the gang moves', async () => {
  const world = new World({ life: ({ attempt }) => (attempt === 1 ? 'runs' : done) });
  world.train('t', { gang: { workers: 2, maxRestarts: 0, backoffSeconds: 1, gpu: { perRank: 0 } } });
  const operator = world.start();
  await world.reaches('t', 'Running');
  const [pod] = world.kubelets.podsOf('t', 1);
  assert.ok(pod !== undefined);
  // The node's controller marks the pod and deletes it; nobody answers, and its processes live on.
  world.kubelets.lose(pod);
  world.server.patch(pods, keyOf(pod), { status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }] } }, 'status');
  world.server.delete(pods, keyOf(pod));
  await world.clock.advance(50 * SECOND);
  assert.equal(world.status('t').attempt, 1);
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.status('t').restarts?.reasons], [2, 0, { Disrupted: 1 }]);
  lawful(world);
  await operator.stop();
});

/** A training without restarts of which worker 1 has lost its peer, which is still there. */
async function peerLost(world: World): Promise<Pod> {
  const [silent, told] = world.kubelets.podsOf('t', 1).toSorted((a, b) => worker(a).worker - worker(b).worker);
  assert.ok(silent !== undefined && told !== undefined);
  const word = { exitCode: 76, reason: 'PeerLost', message: 'Lost rank 0', rank: 1, lostRank: 0 };
  world.server.patch(pods, keyOf(told), { status: { phase: 'Failed', containerStatuses: [{ name: 'runtime', state: { terminated: { exitCode: 76, message: JSON.stringify(word) } } }] } }, 'status');
  await world.clock.advance(20 * SECOND);
  return silent;
}
const NO_RESTARTS = { gang: { workers: 2, maxRestarts: 0, backoffSeconds: 1, gpu: { perRank: 0 } } };

test('a node dies with the budget spent, and the peers tell first: waited for and told, then a free restart', async () => {
  const world = new World({ life: ({ attempt }) => (attempt === 1 ? 'runs' : done) });
  world.train('t', NO_RESTARTS);
  const operator = world.start();
  await world.reaches('t', 'Running');
  for (const pod of world.kubelets.podsOf('t', 1)) if (worker(pod).worker === 0) world.kubelets.lose(pod);
  await peerLost(world);
  assert.deepEqual([world.status('t').attempt, world.status('t').state, world.reason('t')], [1, 'Restarting', 'NodeMayBeLost']);
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.status('t').restarts?.reasons], [2, 0, { Disrupted: 1 }]);
  lawful(world);
  await operator.stop();
});

test('the same, and the cluster removes the node: its pod goes in one moment, with its cause', async () => {
  const world = new World({ life: ({ attempt }) => (attempt === 1 ? 'runs' : done) });
  world.train('t', NO_RESTARTS);
  const operator = world.start();
  await world.reaches('t', 'Running');
  for (const pod of world.kubelets.podsOf('t', 1)) if (worker(pod).worker === 0) world.kubelets.lose(pod);
  const silent = await peerLost(world);
  world.server.patch(pods, keyOf(silent), { status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' }] } }, 'status');
  world.kubelets.forced(keyOf(silent));
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.status('t').restarts?.reasons], [2, 0, { Disrupted: 1 }]);
  await operator.stop();
});

test('a lost peer whose node lives ends the run once it has answered', async () => {
  const world = new World({ life: () => 'runs' });
  world.train('t', NO_RESTARTS);
  const operator = world.start();
  await world.reaches('t', 'Running');
  await peerLost(world);
  assert.deepEqual([world.status('t').attempt, world.status('t').state, world.reason('t', 'Failed')], [1, 'Failed', 'RestartsSpent']);
  assert.match(world.told('t').at(-1) ?? '', /^RestartsSpent: Worker 1 lost rank 0\. Restarts are switched off/);
  assert.deepEqual(world.kubelets.podsOf('t', 1).filter(({ status }) => status?.phase === 'Running'), []);
  await operator.stop();
});

test('why pods do not run is told in the words of whoever keeps them from it', async () => {
  const world = new World({ life: () => ({ never: '0/3 nodes are available: 3 Insufficient nvidia.com/gpu' }) });
  world.train('t');
  const operator = world.start();
  await world.clock.advance(10 * SECOND);
  assert.equal(world.reason('t'), 'Unschedulable');
  assert.deepEqual(world.told('t'), ['Unschedulable: Worker 0 waits: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu']);
  await operator.stop();
});

test('a quota that keeps the Job from making pods is found in the events', async () => {
  const world = new World();
  world.server.database.subscribe(({ resource, type, object }) => {
    if (resource !== 'jobs.batch' || type !== 'ADDED') return;
    world.clock.after(1, () => {
      world.make(events, {
        metadata: { name: 'e1', namespace: NAMESPACE }, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'job-controller', reportingInstance: 'x', action: 'Create', type: 'Warning',
        reason: 'FailedCreate', note: 'pods "t-train-1-0" is forbidden: exceeded quota: gpus', regarding: { kind: 'Job', name: object.metadata.name, namespace: NAMESPACE, uid: object.metadata.uid },
      });
    });
  });
  world.kubelets.paused = true;
  world.train('t');
  const operator = world.start();
  await world.clock.advance(20 * SECOND);
  assert.deepEqual([world.reason('t'), world.told('t').at(-1)], ['FailedCreate', 'FailedCreate: pods "t-train-1-0" is forbidden: exceeded quota: gpus']);
  await operator.stop();
});

test('a training that nobody has looked at begins though the pods cannot be listed yet; one that has begun waits for them', async () => {
  const world = new World();
  world.train('old');
  const first = world.start();
  await world.reaches('old', 'Running');
  await first.stop();
  world.server.faults.add({ kind: 'status', status: 500 }, { when: ({ verb, resource }) => verb === 'list' && resource === 'pods', times: 1000 });
  world.train('new');
  // As the CRD has it by default.
  world.server.patch(trainings, `${NAMESPACE}/new`, { status: { observedGeneration: -1 } });
  const second = world.start();
  await world.clock.advance(5 * SECOND);
  assert.deepEqual(names(world, jobs), ['new-train-1', 'old-train-1']);
  world.server.delete(jobs, `${NAMESPACE}/old-train-1`);
  await world.clock.advance(5 * SECOND);
  assert.equal(world.status('old').attempt, 1);
  await second.stop();
});

test('however many Jobs wait for their pods, events are asked for once a namespace and a while', async () => {
  const world = new World();
  world.kubelets.paused = true;
  const operator = world.start();
  for (let index = 0; index < 30; index += 1) world.train(`t${index}`);
  await world.clock.advance(20 * SECOND);
  assert.equal(world.server.requests.get('create jobs.batch'), 30);
  const asked = world.server.requests.get('list events.events.k8s.io') ?? 0;
  assert.ok(asked >= 2 && asked <= 4, `asked ${asked} times`);
  await operator.stop();
});

test('what the API server refuses to create is told in its words, and made when it no longer refuses', async () => {
  const world = new World();
  const message = 'jobs.batch "t-train-1" is forbidden: exceeded quota: jobs, requested: count/jobs.batch=1';
  world.server.faults.add({ kind: 'status', status: 403, reason: 'Forbidden', message }, { when: ({ verb, resource }) => verb === 'create' && resource === 'jobs.batch', times: 4 });
  world.train('t');
  const operator = world.start();
  await world.clock.advance(2 * SECOND);
  assert.deepEqual([world.reason('t'), world.told('t')], ['FailedCreate', [`FailedCreate: Cannot create Job "t-train-1": ${message}`]]);
  assert.ok((world.server.requests.get('create jobs.batch') ?? 0) <= 3, 'again only after a while');
  await world.reaches('t', 'Complete');
  assert.equal(world.told('t').filter((text) => text.startsWith('FailedCreate')).length, 1);
  await operator.stop();
});

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
