import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { killRank, PodWatch } from '../pods.ts';
import { nextLeader, operatorProcess } from '../operator-pods.ts';
import type { Scenario } from '../scenario.ts';
import { status, training, type Training } from '../training.ts';

export default {
  title: 'the leader is frozen past its lease while a gang is lost, and thawed: the other one has taken over, and no write of the old one takes effect',
  needs: ['operator', 'contract-rank'],
  alone: true,
  async run(world) {
    using watch = new PodWatch(world.cluster, world.namespace);
    const old = await nextLeader(world);
    await world.apply(training('f', world.namespace));
    await status(world, 'f', 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) > 0);
    const frozen = operatorProcess(world, old);
    process.kill(frozen, 'SIGSTOP');
    try {
      killRank(world, 'f-train-1-1');
      const next = await nextLeader(world, old);
      world.note(`${old} was frozen, ${next} leads`);
      await status(world, 'f', 'running as attempt 2', (now) => now.attempt === 2 && now.state === 'Running', 120);
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    // What it had in hand when it froze it would write now.
    await sleep(10_000);
    const { status: now, metadata } = await world.get<Training>('srdt', 'f');
    assert.deepEqual([now?.attempt, now?.restarts?.charged, now?.state], [2, 1, 'Running'], JSON.stringify(now));
    assert.notEqual(await nextLeader(world), old, 'it does not lead any more');
    watch.apart({ f: 2 });
    assert.ok(metadata.generation === 1, 'nobody wrote the spec');
    await world.kubectl('delete', 'srdt', 'f', '--wait=false');
  },
} satisfies Scenario;
