/** Runs whose fate is fixed, under an operator that is killed again and again: in the end everything must be as if it had never died. */
import assert from 'node:assert/strict';
import { below, pick, seeded } from 'kopf-ts/testing';
import type { Life, Worker } from './kubelets.ts';
import { evaluations } from '../kubernetes.ts';
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

  const kills = await underOperatorsThatDie(world, random, over);
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

/** An operator after the other, each killed somewhere, until all is over; then one that is left alone. Returns how many were killed. */
async function underOperatorsThatDie(world: World, random: () => number, over: () => boolean): Promise<number> {
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
  return kills;
}

/** The same of an evaluation of every checkpoint, whose attempts are rounds and restarts of rounds. */
export async function seriesCrashes(seed: number): Promise<Outcome> {
  const random = seeded(seed);
  const fate = new Map(Array.from({ length: below(random, 5) }, () => [1 + below(random, 9), pick(random, ['crash', 'evict'] as const)] as const));
  const world: World = new World({ seed, life: ({ attempt, worker }) => {
    const what = fate.get(attempt);
    if (what === undefined) return { after: 15_000, exitCode: 0, ...(worker === 0 && { word: { result: world.resultOf('e', attempt) } }) };
    if (worker !== 0) return 'runs';
    return what === 'crash' ? { after: 7000, exitCode: 137 } : { after: 7000, evicted: true };
  } });
  world.evaluate('e', {
    checkpoint: { training: { name: 't', which: 'Every', everySteps: 20 } }, gang: { workers: WORKERS, maxRestarts: 9, backoffSeconds: 2, gpu: { perRank: 0 } },
  });
  world.trainElsewhere('t');
  let written = 0;
  for (const step of [20, 40, 60, 80, 100]) {
    written += below(random, 60_000);
    world.clock.after(written, () => { world.checkpoints('t', step === 100 ? 'Complete' : 'Running', step); });
  }
  const kills = await underOperatorsThatDie(world, random, () => ['Complete', 'Failed'].includes(world.status('e', evaluations).state ?? ''));

  const at = (what: string): string => `seed ${seed}: ${what}`;
  assert.deepEqual(world.law.breaches, [], at('two attempts at once'));
  const { state, attempt = 0, restarts, results, series } = world.status('e', evaluations);
  const losses = [...fate].filter(([lost]) => lost <= attempt);
  const crashed = losses.filter(([, what]) => what === 'crash').length;
  assert.deepEqual(
    { state, attempt, charged: restarts?.charged, free: restarts?.free, results: results?.map(({ step }) => step), series },
    { state: 'Complete', attempt: 5 + losses.length, charged: crashed, free: losses.length - crashed, results: [100, 80, 60, 40, 20], series: { through: 100, measured: 5 } },
    at(`fate ${JSON.stringify([...fate])} ends otherwise`),
  );
  assert.deepEqual(world.law.begun.get('lab/SRDiTEvaluation/e'), Array.from({ length: attempt }, (_, index) => index + 1), at('each attempt is begun once, in order'));
  return { kills, attempts: attempt };
}

/** Many seeds. */
export async function survives(from: number, seeds: number, one: (seed: number) => Promise<Outcome> = crashes): Promise<void> {
  let kills = 0;
  let attempts = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const outcome = await one(seed);
    kills += outcome.kills;
    attempts += outcome.attempts;
  }
  // An operator that nobody kills would prove nothing.
  assert.ok(kills > seeds, `only ${kills} kills`);
  assert.ok(attempts > 3 * seeds, `only ${attempts} attempts`);
}
