/** Runs whose fate is fixed, under an operator that is killed again and again: in the end everything must be as if it had never died. */
import assert from 'node:assert/strict';
import { below, pick, seeded } from 'kopf-ts/testing';
import type { Life, Worker } from './kubelets.ts';
import { World } from './world.ts';

const RUNS = ['a', 'b', 'c'] as const;
const WORKERS = 2;

/** What happens to each attempt of a run; the one after the last completes. */
type Fate = readonly ('crash' | 'evict')[];

interface Outcome { readonly kills: number; readonly attempts: number }

/** One seed. Throws AssertionError with the seed in its message. */
export async function crashes(seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const fates = new Map<string, { readonly fate: Fate; readonly victim: number; readonly after: number }>(RUNS.map((run) => [run, {
    fate: Array.from({ length: below(random, 4) }, () => pick(random, ['crash', 'evict'] as const)), victim: below(random, WORKERS), after: below(random, 20_000),
  }]));
  const life = ({ run, attempt, worker }: Worker): Life => {
    const fated = fates.get(run);
    const what = fated?.fate[attempt - 1];
    if (fated === undefined || what === undefined) return { after: 15_000, exitCode: 0 };
    if (worker !== fated.victim) return 'runs';
    return what === 'crash' ? { after: fated.after, exitCode: 137 } : { after: fated.after, evicted: true };
  };
  const world = new World({ seed, life });
  for (const run of RUNS) world.train(run, { gang: { workers: WORKERS, maxRestarts: 4, backoffSeconds: 2, gpu: { perRank: 0 } } });
  const over = (): boolean => RUNS.every((run) => ['Complete', 'Failed'].includes(world.status(run).state ?? ''));
  const at = (what: string): string => `seed ${seed}: ${what}`;

  let kills = 0;
  for (let life = 0; !over() && life < 200; life += 1) {
    const operator = world.start();
    // Between any two writes, or long after the last; then the world goes on without an operator for a while.
    operator.process.killAt(1 + below(random, 9), random() < 0.5);
    const end = world.clock.now() + 1000 + below(random, 60_000);
    while (!operator.process.dead && !over() && world.clock.now() < end) await world.clock.advance(250);
    operator.process.kill();
    if (over()) break;
    kills += 1;
    await world.clock.advance(below(random, 8000));
  }
  const operator = world.start();
  await world.clock.advance(600_000);
  await operator.stop();

  assert.deepEqual(world.law.breaches, [], at('two attempts at once'));
  for (const [run, { fate }] of fates) {
    const { state, attempt, restarts } = world.status(run);
    const crashed = fate.filter((what) => what === 'crash').length;
    assert.deepEqual(
      { state, attempt, charged: restarts?.charged, free: restarts?.free }, { state: 'Complete', attempt: fate.length + 1, charged: crashed, free: fate.length - crashed },
      at(`run ${run} with the fate ${fate.join()} ends otherwise: ${JSON.stringify(restarts)}`),
    );
    assert.deepEqual(world.law.begun.get(`lab/SRDiTTraining/${run}`), Array.from({ length: fate.length + 1 }, (_, index) => index + 1), at('each attempt is begun once, in order'));
  }
  return { kills, attempts: [...fates.values()].reduce((sum, { fate }) => sum + fate.length + 1, 0) };
}

/** Many seeds. */
export async function survives(from: number, seeds: number): Promise<void> {
  let kills = 0;
  let attempts = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const outcome = await crashes(seed);
    kills += outcome.kills;
    attempts += outcome.attempts;
  }
  // An operator that nobody kills would prove nothing.
  assert.ok(kills > seeds, `only ${kills} kills`);
  assert.ok(attempts > 3 * seeds, `only ${attempts} attempts`);
}
