import assert from 'node:assert/strict';
import { join } from 'node:path';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bucket } from '../bucket.ts';
import { eventually } from '../eventually.ts';
import { podsOf } from '../pods.ts';
import { realTraining } from '../real.ts';
import type { Scenario } from '../scenario.ts';
import { is, status } from '../training.ts';

export default {
  title: 'the store is down for 30 s while the real runtime writes checkpoints: no restart, no lost step, the run completes',
  needs: ['operator', 'runtime', 'bucket'],
  async run(world) {
    await using bucket = await Bucket.create(world);
    await packedPictures(join(world.data, 'source'), bucket.open(bucket.uri('tiny')));
    const steps = 200;
    await world.apply(realTraining('down', {
      data: { uri: bucket.uri('tiny') }, storage: { uri: bucket.uri('runs/down') }, steps, checkpoints: { everySteps: 10, keep: 1000 }, gang: { maxRestarts: 0 }, pod: { env: bucket.env },
    }));
    await status(world, 'down', 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) > 0, 400);
    const pods = (await podsOf(world, 'down', 1)).map(({ metadata }) => metadata.uid);

    // First it refuses what it is asked, in the words of a store in trouble; then nobody listens at all, and what was on its way is broken off.
    const written = async (): Promise<number> => (await bucket.open(bucket.uri('runs/down')).list('attempts/1/checkpoints')).filter(({ path }) => path.endsWith('/manifest.json')).length;
    let refused = 0;
    bucket.proxy.fault = () => {
      refused += 1;
      return { kind: 'status', status: 503 };
    };
    await eventually('the run to ask the store that is down', 60, () => refused > 0);
    const before = await written();
    await sleep(10_000);
    await bucket.proxy.down();
    await sleep(20_000);
    assert.equal(await written(), before, 'nothing is written while the store is down');
    bucket.proxy.fault = () => undefined;
    await bucket.proxy.up();
    world.note(`${refused} requests were refused, ${before} checkpoints of ${steps / 10} were written before`);
    assert.ok(before < steps / 10, 'it had checkpoints left to write');

    const done = await status(world, 'down', 'complete', is('Complete'), 400);
    assert.deepEqual([done.attempt, done.restarts?.charged ?? 0, done.restarts?.free ?? 0, done.checkpoints?.last?.step], [1, 0, 0, steps]);
    assert.equal(await written(), steps / 10, 'no checkpoint was left out');
    assert.deepEqual((await podsOf(world, 'down', 1)).map(({ metadata }) => metadata.uid), pods);
  },
} satisfies Scenario;
