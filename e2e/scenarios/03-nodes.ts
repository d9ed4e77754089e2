import assert from 'node:assert/strict';
import { join } from 'node:path';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import { checkpointsOf, claimTime, lastManifestTime } from '../checkpoints.ts';
import { eventually } from '../eventually.ts';
import { isReady } from '../nodes.ts';
import { podsOf, rankProcesses } from '../pods.ts';
import { onVolume, realTraining } from '../real.ts';
import type { Scenario } from '../scenario.ts';
import { status } from '../training.ts';

export default {
  title: 'the real runtime: a kubelet dies and its processes live on: the gang moves, and the old rank 0 writes no checkpoint once the new one has begun; a drained node is left, too; neither is charged',
  needs: ['operator', 'runtime'],
  alone: true,
  async run(world) {
    const { cluster, apply, data, note } = world;
    await packedPictures(join(data, 'source'), new FileStorage('file:///data/tiny', join(data, 'tiny')));
    await cluster.kubectl(['cordon', 'node1']);
    try {
      await apply(realTraining('n', {
        data: { uri: 'file:///data/tiny' }, storage: { uri: 'file:///data/runs/n' }, steps: 1_000_000, checkpoints: { everySteps: 20, keep: 1000 },
        pod: { terminationGracePeriodSeconds: 5, ...onVolume },
      }));
      await status(world, 'n', 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) > 0, 300);
      assert.deepEqual((await podsOf(world, 'n', 1)).map(({ spec }) => spec.nodeName), ['node2', 'node2']);
    } finally {
      await cluster.kubectl(['uncordon', 'node1']);
    }
    cluster.signal('kubelet2', 'SIGKILL');
    await eventually('node2 not to be ready', 40, async () => !await isReady(cluster, 'node2'));
    const seen = checkpointsOf(world, 'n', 1).at(-1) ?? 0;
    await eventually('checkpoints of the processes that nobody looks after', 20, () => (checkpointsOf(world, 'n', 1).at(-1) ?? 0) > seen);
    assert.equal(rankProcesses(world, /^n-train-1-/).length, 2);

    const moved = await status(world, 'n', 'running elsewhere', (now) => now.attempt === 2 && now.state === 'Running' && (now.progress?.step ?? 0) > seen, 300);
    assert.deepEqual((await podsOf(world, 'n', 2)).map(({ spec }) => spec.nodeName), ['node1', 'node1']);
    assert.deepEqual([moved.restarts?.charged, moved.restarts?.free], [0, 1], JSON.stringify(moved.restarts));
    await eventually('the old gang to end by itself', 30, () => rankProcesses(world, /^n-train-1-/).length === 0);
    const [late, claimed] = [lastManifestTime(world, 'n', 1), claimTime(world, 'n', 2)];
    note(`the last manifest of attempt 1 is ${late - claimed} ms after the claim of attempt 2`);
    // It looks for a newer claim and then writes: what it was about to write may still come, one that it began later may not.
    assert.ok(late <= claimed + 1000, `attempt 1 wrote a manifest ${late - claimed} ms after attempt 2 had claimed`);

    await cluster.heal();
    await eventually('node2 to be ready', 60, () => isReady(cluster, 'node2'));
    await eventually('pods of attempt 1 to be gone', 60, async () => (await podsOf(world, 'n', 1)).length === 0);

    await cluster.kubectl(['drain', 'node1', '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=90s', `--pod-selector=app.kubernetes.io/instance=n`]);
    try {
      const drained = await status(world, 'n', 'running after the drain', (now) => now.attempt === 3 && now.state === 'Running' && (now.progress?.step ?? 0) > 0, 300);
      assert.deepEqual([drained.restarts?.charged, drained.restarts?.free], [0, 2], JSON.stringify(drained.restarts));
      assert.deepEqual((await podsOf(world, 'n', 3)).map(({ spec }) => spec.nodeName), ['node2', 'node2']);
    } finally {
      await cluster.kubectl(['uncordon', 'node1']);
    }
    await world.kubectl('delete', 'srdt', 'n', '--wait=false');
  },
} satisfies Scenario;
