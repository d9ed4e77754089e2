/** Lives of runs whose node is lost: the gang moves, and whether that is charged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from 'kopf-ts';
import { pods, type Pod } from './kubernetes.ts';
import { worker } from './testing/kubelets.ts';
import { done, lawful, SECOND } from './testing/lives.ts';
import { World } from './testing/world.ts';

/** A training of two workers without restarts, in its first attempt. */
async function running() {
  const world = new World({ life: ({ attempt }) => (attempt === 1 ? 'runs' : done) });
  world.train('t', { gang: { workers: 2, maxRestarts: 0, backoffSeconds: 1, gpu: { perRank: 0 } } });
  const operator = world.start();
  await world.reaches('t', 'Running');
  return { world, operator };
}

function workersOf(world: World): [Pod, Pod] {
  const [first, second] = world.kubelets.podsOf('t', 1).toSorted((a, b) => worker(a).worker - worker(b).worker);
  assert.ok(first !== undefined && second !== undefined);
  return [first, second];
}

/** The next attempt completes, and costs nothing. */
async function movesFree(world: World): Promise<void> {
  await world.reaches('t', 'Complete');
  assert.deepEqual([world.status('t').attempt, world.status('t').restarts?.charged, world.status('t').restarts?.reasons], [2, 0, { Disrupted: 1 }]);
}

test('a lost node is waited for, then the gang moves', async () => {
  const { world, operator } = await running();
  const [pod] = world.kubelets.podsOf('t', 1);
  assert.ok(pod !== undefined);
  // The node's controller marks the pod and deletes it; nobody answers, and its processes live on.
  world.kubelets.lose(pod);
  world.server.patch(pods, keyOf(pod), { status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }] } }, 'status');
  world.server.delete(pods, keyOf(pod));
  await world.clock.advance(50 * SECOND);
  assert.equal(world.status('t').attempt, 1);
  await movesFree(world);
  lawful(world);
  await operator.stop();
});

/** A training without restarts of which worker 1 has lost its peer, which is still there. */
async function peerLost(world: World): Promise<Pod> {
  const [silent, told] = workersOf(world);
  const word = { exitCode: 76, reason: 'PeerLost', message: 'Lost rank 0', rank: 1, lostRank: 0 };
  world.server.patch(pods, keyOf(told), { status: { phase: 'Failed', containerStatuses: [{ name: 'runtime', state: { terminated: { exitCode: 76, message: JSON.stringify(word) } } }] } }, 'status');
  await world.clock.advance(20 * SECOND);
  return silent;
}

test('a node dies with the budget spent, and the peers tell first: waited for and told, then a free restart', async () => {
  const { world, operator } = await running();
  world.kubelets.lose(workersOf(world)[0]);
  await peerLost(world);
  assert.deepEqual([world.status('t').attempt, world.status('t').state, world.reason('t')], [1, 'Restarting', 'NodeMayBeLost']);
  await movesFree(world);
  lawful(world);
  await operator.stop();
});

test('the same, and the cluster removes the node: its pod goes in one moment, with its cause', async () => {
  const { world, operator } = await running();
  world.kubelets.lose(workersOf(world)[0]);
  const silent = await peerLost(world);
  world.server.patch(pods, keyOf(silent), { status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' }] } }, 'status');
  world.kubelets.forced(keyOf(silent));
  await movesFree(world);
  await operator.stop();
});

test('a lost peer whose node lives ends the run once it has answered', async () => {
  const { world, operator } = await running();
  await peerLost(world);
  assert.deepEqual([world.status('t').attempt, world.status('t').state, world.reason('t', 'Failed')], [1, 'Failed', 'RestartsSpent']);
  assert.match(world.told('t').at(-1) ?? '', /^RestartsSpent: Worker 1 lost rank 0\. Restarts are switched off/);
  assert.deepEqual(world.kubelets.podsOf('t', 1).filter(({ status }) => status?.phase === 'Running'), []);
  await operator.stop();
});
