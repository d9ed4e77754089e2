import assert from 'node:assert/strict';
import type { Scenario } from '../scenario.ts';
import { condition, status, training } from '../training.ts';

export default {
  title: 'a gang that takes no step any more is started again with reason NoProgress, which is charged',
  needs: ['operator', 'contract-rank'],
  async run(world) {
    await world.apply(training('stall', world.namespace, { noProgressSeconds: 10 }, { TEST_STALL: '1:30' }));
    const restarting = await status(world, 'stall', 'restarting', (now) => now.attempt === 2, 150);
    assert.equal(condition(restarting, 'Running')?.reason, 'NoProgress');
    const after = await status(world, 'stall', 'past the step', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > 60);
    assert.deepEqual([after.attempt, after.restarts?.charged, after.restarts?.reasons], [2, 1, { NoProgress: 1 }]);
    await world.kubectl('delete', 'srdt', 'stall', '--wait=false');
  },
} satisfies Scenario;
