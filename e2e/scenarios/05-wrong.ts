import assert from 'node:assert/strict';
import type { Scenario } from '../scenario.ts';
import { condition, is, status, training } from '../training.ts';

export default {
  title: 'a wrong configuration and a diverging run fail at once, without a restart, with the sentence of the source',
  needs: ['operator', 'contract-rank'],
  async run(world) {
    await world.apply(
      training('wrong', world.namespace, { data: { uri: 'file:///data/missing' } }),
      training('diverging', world.namespace, { checkpoints: { everySteps: 10 } }, { TEST_END: '65@35' }),
    );
    const wrong = await status(world, 'wrong', 'failed', is('Failed'));
    assert.match(condition(wrong, 'Failed')?.message ?? '', /Cannot find the data set "file:\/\/\/data\/missing"\. Set spec\.data\.uri/);
    const diverging = await status(world, 'diverging', 'failed', is('Failed'));
    assert.equal(condition(diverging, 'Failed')?.reason, 'Diverged');
    assert.match(JSON.stringify(diverging), /000000030/, 'the last good checkpoint is named');
    for (const given of [wrong, diverging]) assert.deepEqual([given.attempt, given.restarts?.charged ?? 0, condition(given, 'Stalled')?.status], [1, 0, 'True']);
  },
} satisfies Scenario;
