/** Why a run does not run yet, in the words of whoever keeps it from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events, jobs, trainings } from './kubernetes.ts';
import { names, SECOND } from './testing/lives.ts';
import { NAMESPACE, World } from './testing/world.ts';

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
