import assert from 'node:assert/strict';
import { join } from 'node:path';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import type { Seen } from '@srdit/runtime/storage/testing/fault-proxy.ts';
import { Bucket } from '../bucket.ts';
import { eventually } from '../eventually.ts';
import { evict, killRank, podsOf, PodWatch } from '../pods.ts';
import { realTraining } from '../real.ts';
import type { Scenario } from '../scenario.ts';
import { status } from '../training.ts';

const EVERY = 20;

export default {
  title: 'the real runtime: a rank killed while it loads, while it trains and while it writes a checkpoint, and an evicted pod: one restart each, from the newest complete checkpoint, charged as specified, and never two attempts at once',
  needs: ['operator', 'runtime', 'bucket'],
  async run(world) {
    using watch = new PodWatch(world.cluster, world.namespace);
    await using bucket = await Bucket.create(world);
    await packedPictures(join(world.data, 'source'), bucket.open(bucket.uri('tiny')));
    /** From now on the store does not answer who asks for such a path; resolves when somebody has asked. */
    const hold = async (what: string, path: string): Promise<void> => {
      let held = 0;
      bucket.proxy.fault = (seen: Seen) => {
        if (!decodeURIComponent(`${seen.path}?${seen.query.toString()}`).includes(path)) return undefined;
        held += 1;
        return { kind: 'silent' };
      };
      await eventually(what, 300, () => held > 0);
    };
    const release = (): void => { bucket.proxy.fault = () => undefined; };
    const written = async (attempt: number): Promise<number[]> => (await bucket.open(bucket.uri('runs/r')).list(`attempts/${attempt}/checkpoints`))
      .flatMap(({ path }) => /(\d+)\/manifest\.json$/.exec(path)?.[1] ?? []).map(Number).sort((a, b) => a - b);
    const trains = (attempt: number, charged: number, free: number): Promise<void> => status(world, 'r', `training as attempt ${attempt}`, (now) =>
      now.attempt === attempt && now.state === 'Running' && (now.checkpoints?.last?.uri.includes(`/attempts/${attempt}/`) ?? false), 300)
      .then(({ restarts }) => { assert.deepEqual([restarts?.charged, restarts?.free], [charged, free], JSON.stringify(restarts)); });
    /** The first checkpoint of an attempt is the one after the newest of those before it. */
    const wentOn = async (attempt: number, newest: number): Promise<void> => { assert.equal((await written(attempt))[0], newest - (newest % EVERY) + EVERY, `attempt ${attempt} goes on from step ${newest}`); };

    const loading = hold('the ranks to load their data', '/tiny/');
    await world.apply(realTraining('r', {
      data: { uri: bucket.uri('tiny') }, storage: { uri: bucket.uri('runs/r') }, steps: 1_000_000, checkpoints: { everySteps: EVERY, keep: 1000 }, gang: { maxRestarts: 3 },
      pod: { env: bucket.env, terminationGracePeriodSeconds: 20 },
    }));
    await loading;
    await status(world, 'r', 'running', ({ state }) => state === 'Running', 120);
    killRank(world, 'r-train-1-1');
    release();
    await trains(2, 1, 0);
    await wentOn(2, 0);

    killRank(world, 'r-train-2-1');
    await trains(3, 2, 0);
    const second = (await written(2)).at(-1) ?? 0;
    await wentOn(3, second);

    await hold('rank 0 to write a checkpoint', 'attempts/3/checkpoints');
    const third = await written(3);
    killRank(world, 'r-train-3-0');
    release();
    await trains(4, 3, 0);
    assert.deepEqual(await written(3), third, 'what was being written is no checkpoint');
    await wentOn(4, third.at(-1) ?? 0);

    const [, pod] = await podsOf(world, 'r', 4);
    await evict(world, pod?.metadata.name ?? '');
    await trains(5, 3, 1);
    await wentOn(5, (await written(4)).at(-1) ?? 0);
    await world.kubectl('delete', 'srdt', 'r', '--wait=false');
    watch.apart({ r: 5 });
  },
} satisfies Scenario;
