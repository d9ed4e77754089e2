import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MANIFEST_LIMIT_BYTES, parseManifest } from '@srdit/runtime/checkpoint/manifest.ts';
import { Bucket } from '../bucket.ts';
import { podsOf, rankProcesses } from '../pods.ts';
import { packedPictures, realTraining } from '../real.ts';
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
    const ranks = rankProcesses(world, /^eight-train-1-\d$/).filter((pid) => environment(pid).some((line) => line.startsWith('SRDIT_RANK=')));
    assert.equal(ranks.length, 8);

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

const environment = (pid: number): string[] => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
