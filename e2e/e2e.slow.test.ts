/** What must hold on a real cluster: every file of scenarios/ is a test. A machine that cannot have a cluster skips them and says why. */
import { after, describe, test } from 'node:test';
import { MissingPart } from './cluster/missing-part.ts';
import { Run, scenarios, SIDE_BY_SIDE, type Named } from './run.ts';

const all = await scenarios();
let run: Run | undefined;
let skip: string | false = false;
try {
  run = await Run.start(all);
} catch (error) {
  if (!(error instanceof MissingPart)) throw error;
  skip = error.message;
}
after(() => run?.stop());

for (const alone of [false, true]) {
  describe(alone ? 'one by one' : 'side by side', { concurrency: alone ? 1 : SIDE_BY_SIDE }, () => {
    for (const named of all.filter(({ scenario }) => (scenario.alone === true) === alone)) {
      test(named.scenario.title, { skip, timeout: 1_200_000 }, () => twice(named));
    }
  });
}

/** A scenario that fails is run once more before it counts as failed: two nodes, their programs and the scenarios share two
 *  cores, and some waits of Kubernetes itself are short. The first failure is told and its logs are kept. */
async function twice(named: Named): Promise<void> {
  try {
    await run?.scenario(named);
  } catch (error) {
    console.error(`e2e ${named.name}: failed at the first go, running it again: ${error instanceof Error ? error.message : String(error)}`);
    await run?.scenario(named, 2);
  }
}
