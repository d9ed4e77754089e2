/** Whole lives of trainings against a fake API server with its kubelets: what users see, and what the law says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, type ResourceName } from 'kopf-ts';
import { jobs, networkPolicies, pods, services, trainings } from './kubernetes.ts';
import { type Life, type Worker } from './testing/kubelets.ts';
import { done, lawful, names, SECOND } from './testing/lives.ts';
import { NAMESPACE, World } from './testing/world.ts';

/** One worker of one attempt lives otherwise. */
const except = (attempt: number, worker: number, life: Life) => (one: Worker): Life => (one.attempt === attempt && one.worker === worker ? life : done);

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
