import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import { PodWatch } from '../pods.ts';
import { operatorProcess, replicas, OPERATOR_NAMESPACE } from '../operator-pods.ts';
import type { Scenario } from '../scenario.ts';
import { is, status, training } from '../training.ts';

const [GANGS, KILLS] = [20, 50];

/** Numbers in [0, 1) that are the same in every run, so that a failure can be looked at again. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; state = (state * 1_103_515_245 + 12_345) % 2 ** 31) yield state / 2 ** 31;
}

export default {
  title: `the operator is killed ${KILLS} times while ${GANGS} gangs use up their restarts: all end as they should, no two attempts at once, no restart lost or counted twice`,
  needs: ['operator', 'contract-rank'],
  alone: true,
  async run(world) {
    // One replica without an election: it works again as soon as it is there again, so that most of the kills hit it at work. After a kill -9 its
    // lease would have to run out each time.
    await world.run.installOperator('--set', 'replicas=1,leaderElection=false');
    try {
      using watch = new PodWatch(world.cluster, world.namespace);
      const names = Array.from({ length: GANGS }, (_, index) => `g${index}`);
      // Every attempt crashes before its first checkpoint: without progress the budget is used up.
      await world.apply(...names.map((name, index) => training(name, world.namespace, { gang: { maxRestarts: 3 } }, { TEST_STEP_MS: '100', TEST_END: `1@${5 + (index % 10)}` })));
      const dice = random(8);
      for (let kills = 1; kills <= KILLS; kills += 1) {
        const { victim, pid } = await eventually('the operator to be there', 90, async () => {
          const [running] = await replicas(world);
          return running === undefined ? undefined : { victim: running, pid: operatorProcess(world, running) };
        });
        await sleep(4000 * dice.next().value);
        process.kill(pid, 'SIGKILL');
        world.note(`killed ${victim}`);
        // A new pod at once, where a container that crashes would be held back for longer and longer.
        await world.cluster.kubectl(['-n', OPERATOR_NAMESPACE, 'delete', 'pod', victim, '--wait=false', '--grace-period=0', '--force']);
      }
      for (const name of names) {
        const ended = await status(world, name, 'failed', is('Failed'), 240);
        assert.deepEqual([ended.attempt, ended.restarts?.charged, ended.restarts?.free ?? 0], [4, 3, 0], `${name}: ${JSON.stringify(ended.restarts)}`);
      }
      world.note(watch.log);
      watch.apart(Object.fromEntries(names.map((name) => [name, 4])));
      await world.kubectl('delete', 'srdt', '--all', '--wait=false');
    } finally {
      await world.run.installOperator();
    }
  },
} satisfies Scenario;
