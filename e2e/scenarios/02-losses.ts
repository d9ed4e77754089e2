import assert from 'node:assert/strict';
import { checkpointsOf } from '../checkpoints.ts';
import { eventually } from '../eventually.ts';
import { evict, killRank, podsOf, PodWatch } from '../pods.ts';
import type { Scenario, World } from '../scenario.ts';
import { status, training } from '../training.ts';

interface Loss {
  readonly env?: Readonly<Record<string, string>>;
  /** Phase of rank 0 in which it happens. */
  readonly phase: 'Loading' | 'Training' | 'Checkpointing';
  readonly happens: (world: World, pod: string, host: string) => Promise<unknown> | void;
  readonly charged: number;
}

const remove = (world: World, pod: string): Promise<unknown> => world.kubectl('delete', 'pod', pod, '--wait=false');
const [LOADING, CHECKPOINTING] = [{ TEST_LOADING_MS: '15000' }, { TEST_CHECKPOINT_MS: '3000' }];

const LOSSES: Readonly<Record<string, Loss>> = {
  'kill-loading': { phase: 'Loading', env: LOADING, happens: (world, _, host) => { killRank(world, host); }, charged: 1 },
  'kill-training': { phase: 'Training', happens: (world, _, host) => { killRank(world, host); }, charged: 1 },
  'kill-checkpointing': { phase: 'Checkpointing', env: CHECKPOINTING, happens: (world, _, host) => { killRank(world, host); }, charged: 1 },
  'delete-training': { phase: 'Training', happens: remove, charged: 0 },
  'delete-checkpointing': { phase: 'Checkpointing', env: CHECKPOINTING, happens: remove, charged: 0 },
  'evict-loading': { phase: 'Loading', env: LOADING, happens: evict, charged: 0 },
  'evict-training': { phase: 'Training', happens: evict, charged: 0 },
};

/** What rank 0 says of itself. */
const phaseOf = async (world: World, pod: string): Promise<string> =>
  (JSON.parse(await world.kubectl('exec', pod, '--', 'wget', '-qO-', 'http://127.0.0.1:8080/progress')) as { phase: string }).phase;

export default {
  title: 'a rank killed, a pod deleted or evicted, while loading, training or writing a checkpoint: one restart each, from the newest checkpoint, charged as specified, and never two attempts at once',
  needs: ['operator', 'contract-rank'],
  async run(world) {
    using watch = new PodWatch(world.cluster, world.namespace);
    await Promise.all(Object.entries(LOSSES).map(async ([name, { phase, env = {}, happens, charged }]) => {
      await world.apply(training(name, world.namespace, { pod: { terminationGracePeriodSeconds: 15 } }, { TEST_STEP_MS: '50', ...env }));
      if (phase !== 'Loading') await status(world, name, 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) > 0);
      const [first, second] = await eventually(`rank 0 of ${name} in phase ${phase}`, 90, async () => {
        const pods = await podsOf(world, name, 1);
        return pods.length === 2 && pods.every((pod) => pod.status.phase === 'Running') && await phaseOf(world, pods[0]?.metadata.name ?? '') === phase ? pods : undefined;
      });
      // While it trains the other worker is lost, and rank 0 has to notice.
      await happens(world, (phase === 'Training' ? second : first)?.metadata.name ?? '', `${name}-train-1-${phase === 'Training' ? 1 : 0}`);
      const after = await status(world, name, 'running as attempt 2', (now) => now.attempt === 2 && now.state === 'Running' && (now.progress?.step ?? 0) > 0, 150);
      assert.deepEqual([after.restarts?.charged, after.restarts?.free], [charged, 1 - charged], `${name}: ${JSON.stringify(after.restarts)}`);
      const before = checkpointsOf(world, name, 1);
      const goes = await eventually(`a checkpoint of attempt 2 of ${name}`, 60, () => checkpointsOf(world, name, 2)[0]);
      const newest = before.at(-1) ?? 0;
      assert.equal(goes, newest - (newest % 20) + 20, `${name} went on from the newest of ${before.join()}`);
      await world.kubectl('delete', 'srdt', name, '--wait=false');
    }));
    world.note(watch.log);
    // One restart each.
    watch.apart(Object.fromEntries(Object.keys(LOSSES).map((name) => [name, 2])));
  },
} satisfies Scenario;
