import assert from 'node:assert/strict';
import type { TrainingStatus } from '@srdit/crds';
import { checkpointsOf } from '../checkpoints.ts';
import { eventually } from '../eventually.ts';
import { isReady } from '../nodes.ts';
import { killRank, podsOf, PodWatch } from '../pods.ts';
import type { Scenario, World } from '../scenario.ts';
import { condition, is, status, training } from '../training.ts';

/** Two workers without restarts, each on a node of its own as long as there are two. Unless told otherwise the cluster does not take them from a node that
 *  does not answer. */
const spread = (world: World, name: string, pod: object, env: Readonly<Record<string, string>> = {}): object => {
  const others = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { 'app.kubernetes.io/instance': name } } };
  const affinity = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: others }] } };
  const tolerations = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' }];
  return training(name, world.namespace, { gang: { maxRestarts: 0 }, pod: { affinity, tolerations, ...pod } }, { TEST_STEP_MS: '50', ...env });
};

/** Nodes of workers 0 and 1, which are two. */
async function nodesOf(world: World, name: string): Promise<[string, string]> {
  const [first = '', second = ''] = (await podsOf(world, name, 1)).map(({ spec }) => spec.nodeName);
  assert.deepEqual([first, second].sort(), ['node1', 'node2'], name);
  return [first, second];
}

const kubelet = (node: string): string => node.replace('node', 'kubelet');
const checkpointed = (now: TrainingStatus): boolean => now.state === 'Running' && (now.checkpoints?.last?.step ?? 0) > 0;

/** Training -> how it shows that its node is lost: the cluster takes the pod away; or, where that is tolerated, nobody ends the pod that was told to go. */
const PROOFS: Readonly<Record<string, RegExp>> = {
  lost: /Worker 0 was taken away \(DeletionByTaintManager\)$/,
  silent: /Worker \d was told to go, and its node does not answer$/,
};

/** Not failed, not restarted: nobody knows yet. */
async function doubted(world: World, name: string): Promise<void> {
  const now = await status(world, name, 'in doubt', (seen) => condition(seen, 'Running')?.reason === 'NodeMayBeLost');
  assert.deepEqual([now.state, now.attempt, now.restarts?.charged, now.restarts?.free, condition(now, 'Failed')?.status], ['Restarting', 1, 0, 0, 'False'], JSON.stringify(now));
}

/** For good, and as somebody's own fault. */
async function failed(world: World, name: string, message: RegExp): Promise<void> {
  const now = await status(world, name, 'failed', is('Failed'));
  assert.deepEqual([now.attempt, now.restarts?.charged, now.restarts?.free, condition(now, 'Failed')?.reason], [1, 0, 0, 'RestartsSpent'], JSON.stringify(now));
  assert.match(condition(now, 'Failed')?.message ?? '', message);
}

/** The kubelet is there all the time: the worker is told to stop, is deaf, and is killed at the end of its grace period. */
async function hangs(world: World): Promise<void> {
  await world.apply(spread(world, 'hung', { terminationGracePeriodSeconds: 15 }, { TEST_HANG: '1:50' }));
  await doubted(world, 'hung');
  await failed(world, 'hung', /^Worker 1 lost rank 0\. Restarts are switched off/);
}

/** The peer tells of it before the kubelet of the one that was killed, which is only slow. */
async function isKilled(world: World): Promise<void> {
  const { cluster } = world;
  await world.apply(spread(world, 'killed', { terminationGracePeriodSeconds: 120 }));
  await status(world, 'killed', 'past its first checkpoint', checkpointed);
  const [, slow] = await nodesOf(world, 'killed');
  cluster.signal(kubelet(slow), 'SIGSTOP');
  try {
    killRank(world, 'killed-train-1-1');
    await doubted(world, 'killed');
  } finally {
    cluster.signal(kubelet(slow), 'SIGCONT');
  }
  await failed(world, 'killed', /^Worker 1 ended with exit code 137 \(SIGKILL\)\. Restarts are switched off/);
  await eventually(`${slow} to be ready`, 60, () => isReady(cluster, slow));
}

/** A node dies with their workers on it. */
async function diesWithItsNode(world: World): Promise<void> {
  const { apply, cluster } = world;
  await apply(spread(world, 'lost', { terminationGracePeriodSeconds: 20, tolerations: [] }), spread(world, 'silent', { terminationGracePeriodSeconds: 15 }));
  await Promise.all(Object.keys(PROOFS).map((name) => status(world, name, 'past its first checkpoint', checkpointed)));
  const [dead, other] = await nodesOf(world, 'lost');
  const silent = await nodesOf(world, 'silent');
  cluster.signal(kubelet(dead), 'SIGKILL');
  killRank(world, 'lost-train-1-0');
  killRank(world, `silent-train-1-${silent.indexOf(dead)}`);
  await Promise.all(Object.entries(PROOFS).map(async ([name, proof]) => {
    await doubted(world, name);
    const newest = checkpointsOf(world, name, 1).at(-1) ?? 0;
    const moved = await status(world, name, 'going on elsewhere', (now) => now.attempt === 2 && now.state === 'Running' && (now.progress?.step ?? 0) > newest, 150);
    assert.deepEqual([moved.restarts?.charged, moved.restarts?.free, moved.restarts?.reasons], [0, 1, { Disrupted: 1 }], JSON.stringify(moved.restarts));
    const { items: [told] } = await world.get<{ items: { message: string }[] }>('events', `--field-selector=involvedObject.name=${name},reason=Restarting`);
    assert.match(told?.message ?? '', proof);
    assert.deepEqual((await podsOf(world, name, 2)).map(({ spec }) => spec.nodeName), [other, other]);
    const next = await eventually(`a checkpoint of attempt 2 of ${name}`, 60, () => checkpointsOf(world, name, 2)[0]);
    assert.equal(next, newest - (newest % 20) + 20, `${name} went on from checkpoint ${newest}`);
  }));
  await cluster.heal();
  await eventually(`${dead} to be ready`, 60, () => isReady(cluster, dead));
}

export default {
  title: 'a rank loses its peer and no restart is left: the run is in doubt until the peer\'s node proves lost, and goes on on the other one for free; where the node answers that the peer was killed, or kills it because it hangs, the run has failed',
  needs: ['operator', 'contract-rank'],
  alone: true,
  async run(world) {
    using watch = new PodWatch(world.cluster, world.namespace);
    await Promise.all([hangs(world), isKilled(world)]);
    await diesWithItsNode(world);
    world.note(watch.log);
    watch.apart({ hung: 1, killed: 1, lost: 2, silent: 2 });
    await world.kubectl('delete', 'srdt', '--all', '--wait=false');
  },
} satisfies Scenario;
