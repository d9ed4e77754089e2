import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { killRank, PodWatch, podsOf } from '../pods.ts';
import type { Scenario } from '../scenario.ts';
import { status, training } from '../training.ts';

export default {
  title: 'the API server is killed and comes back, etcd stops answering for seconds again and again: gangs run on, and one that is lost meanwhile is started again once',
  needs: ['operator', 'contract-rank'],
  alone: true,
  async run(world) {
    const { cluster } = world;
    await world.apply(training('calm', world.namespace), training('hit', world.namespace));
    for (const name of ['calm', 'hit']) await status(world, name, 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) > 0);
    const calm = (await podsOf(world, 'calm', 1)).map(({ metadata }) => metadata.uid);
    cluster.signal('kube-apiserver', 'SIGKILL');
    killRank(world, 'hit-train-1-0');
    await sleep(3000);
    await cluster.heal();
    using watch = new PodWatch(cluster, world.namespace);
    const after = await status(world, 'hit', 'running as attempt 2', (now) => now.attempt === 2 && now.state === 'Running' && (now.progress?.step ?? 0) > 0, 120);
    assert.equal(after.restarts?.charged, 1);

    for (let pause = 0; pause < 3; pause += 1) {
      cluster.signal('etcd', 'SIGSTOP');
      try {
        if (pause === 1) killRank(world, 'hit-train-2-1');
        await sleep(4000);
      } finally {
        cluster.signal('etcd', 'SIGCONT');
      }
      await sleep(2000);
    }
    const again = await status(world, 'hit', 'running as attempt 3', (now) => now.attempt === 3 && now.state === 'Running' && (now.progress?.step ?? 0) > 0, 120);
    assert.equal(again.restarts?.charged, 2);
    const { attempt } = await status(world, 'calm', 'still running', (now) => now.state === 'Running', 60);
    assert.equal(attempt, 1);
    assert.deepEqual((await podsOf(world, 'calm', 1)).map(({ metadata }) => metadata.uid), calm);
    watch.apart({ calm: 1, hit: 3 });
    await world.kubectl('delete', 'srdt', '--all', '--wait=false');
  },
} satisfies Scenario;
