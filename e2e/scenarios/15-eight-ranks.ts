import assert from 'node:assert/strict';
import { join } from 'node:path';
import { MANIFEST_LIMIT_BYTES, parseManifest } from '@srdit/runtime/checkpoint/manifest.ts';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import { Bucket } from '../bucket.ts';
import { podsOf } from '../pods.ts';
import { realTraining } from '../real.ts';
import type { Scenario } from '../scenario.ts';
import { is, status } from '../training.ts';

/** So many that it cannot be through before it is told to stop. */
const STEPS = 300;

export default {
  title: 'a gang of eight ranks of the real runtime, two a pod and a GPU each, fills two nodes, four and four, stops when told to, goes on from there and completes with its checkpoints',
  needs: ['operator', 'runtime', 'bucket'],
  // It takes every GPU.
  alone: true,
  async run(world) {
    await using bucket = await Bucket.create(world);
    await packedPictures(join(world.data, 'source'), bucket.open(bucket.uri('tiny')));
    await world.apply(realTraining('eight', {
      data: { uri: bucket.uri('tiny') }, storage: { uri: bucket.uri('runs/eight') }, steps: STEPS, checkpoints: { everySteps: 20 },
      gang: { workers: 4, ranksPerWorker: 2, gpu: { perRank: 1 } }, pod: { env: bucket.env },
    }));
    await status(world, 'eight', 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) >= 20, 400);
    const nodes = async (attempt: number): Promise<(string | undefined)[]> => (await podsOf(world, 'eight', attempt)).map(({ spec }) => spec.nodeName).sort();
    assert.deepEqual(await nodes(1), ['node1', 'node1', 'node2', 'node2']);
    const gpus = await world.get<{ items: { spec: { containers: { resources: { limits: Record<string, string> } }[] } }[] }>('pods');
    assert.deepEqual(gpus.items.map(({ spec }) => spec.containers[0]?.resources.limits['nvidia.com/gpu']), ['2', '2', '2', '2']);
    // Two processes in each pod.
    const hosts: (string | undefined)[] = [];
    world.cluster.processes((command, environment) => {
      const host = /(?:^|\0)HOSTNAME=(eight-train-1-\d)\0/.exec(environment)?.[1];
      if (host !== undefined && command.endsWith('\0rank\0')) hosts.push(host);
      return false;
    });
    assert.deepEqual(hosts.sort(), [0, 0, 1, 1, 2, 2, 3, 3].map((worker) => `eight-train-1-${worker}`));

    await world.kubectl('patch', 'srdt', 'eight', '--type=merge', '-p', '{"spec":{"suspend":true}}');
    const suspended = await status(world, 'eight', 'suspended', is('Suspended'), 90);
    const stopped = suspended.checkpoints?.last?.step ?? 0;
    assert.ok(stopped > 20 && stopped < STEPS, `stopped with the checkpoint of step ${stopped}`);
    await world.kubectl('patch', 'srdt', 'eight', '--type=merge', '-p', '{"spec":{"suspend":false}}');

    const done = await status(world, 'eight', 'complete', is('Complete'), 400);
    assert.deepEqual([done.attempt, done.restarts?.charged ?? 0, done.checkpoints?.last?.step], [2, 0, STEPS]);
    assert.deepEqual(await nodes(2), ['node1', 'node1', 'node2', 'node2']);
    const manifest = parseManifest(await bucket.open(done.checkpoints?.last?.uri ?? '').read('manifest.json', { limitBytes: MANIFEST_LIMIT_BYTES }), 'the last');
    assert.deepEqual([manifest.step, manifest.world], [STEPS, 8]);
  },
} satisfies Scenario;
