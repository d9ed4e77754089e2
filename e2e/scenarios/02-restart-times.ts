import assert from 'node:assert/strict';
import { checkpointsOf } from '../checkpoints.ts';
import { eventually } from '../eventually.ts';
import { killRank, PodWatch } from '../pods.ts';
import { restartsOf, spread, type Restart } from '../restart-times.ts';
import { CAUSE_WINDOW_SECONDS } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import { training } from '../training.ts';

const [PAIRS, ROUNDS, WORKERS] = [5, 6, 2];
/** How the processes of a gang end, with which exit code. What a signal ended is settled only when the cause window is over. */
const KINDS = { exits: { signal: 'SIGQUIT', exitCode: 2 }, killed: { signal: 'SIGKILL', exitCode: 137 } } as const;
type Kind = keyof typeof KINDS;

export default {
  title: `${2 * PAIRS} gangs lose a pod ${ROUNDS} times each, hardly ever two at once: how long until the pods of the next attempt are there, and never two attempts at once`,
  needs: ['operator', 'contract-rank'],
  // Else the times would be those of what runs beside it.
  alone: true,
  async run(world) {
    using watch = new PodWatch(world.cluster, world.namespace);
    const names = (kind: Kind): string[] => Array.from({ length: PAIRS }, (_, index) => `${kind}${index}`);
    const all = [...names('exits'), ...names('killed')];
    await world.apply(...all.map((name) => training(name, world.namespace, { gang: { workers: WORKERS, maxRestarts: 100 } }, { TEST_STEP_MS: '50' })));
    const restarts = (name: string): Restart[] => restartsOf(watch.sightings.filter(({ run }) => run === name), WORKERS);
    const lose = async (kind: Kind, index: number, attempt: number): Promise<void> => {
      const name = `${kind}${index}`;
      await eventually(`${name} to train as attempt ${attempt}`, 90, () => checkpointsOf(world, name, attempt).length > 0);
      killRank(world, `${name}-train-${attempt}-${(index + attempt) % WORKERS}`, KINDS[kind].signal);
      await eventually(`${name} to run as attempt ${attempt + 1}`, 90, () => restarts(name).length === attempt);
    };
    for (let attempt = 1; attempt <= ROUNDS; attempt += 1) {
      // The restart of the one is over, mostly, while the other's cause window is open.
      for (let pair = 0; pair < PAIRS; pair += 1) await Promise.all([lose('killed', pair, attempt), lose('exits', pair, attempt)]);
    }
    world.note(watch.log);
    watch.apart(Object.fromEntries(all.map((name) => [name, ROUNDS + 1])));
    for (const [kind, { exitCode }] of Object.entries(KINDS)) {
      const those = names(kind as Kind).flatMap(restarts);
      assert.deepEqual(those.map((one) => one.exitCode), Array.from({ length: PAIRS * ROUNDS }, () => exitCode), `exit codes of what ${kind}`);
      world.tell(`${those.length} times a pod failed with exit code ${exitCode}${kind === 'killed' ? ` (settled ${CAUSE_WINDOW_SECONDS} s later)` : ''}; since then, until`);
      world.tell(`  the last pod of the old attempt had ended: ${spread(those.map(({ ended }) => ended))}`);
      world.tell(`  the last pod of the next one was there:    ${spread(those.map(({ created }) => created))}`);
      world.tell(`  all of them ran:                           ${spread(those.map(({ running }) => running))}`);
    }
    await world.kubectl('delete', 'srdt', '--all', '--wait=false');
  },
} satisfies Scenario;
