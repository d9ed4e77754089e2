/** What must hold on a real cluster: every file of scenarios/ is a test. A machine that cannot have a cluster skips them and says why. */
import { after, describe, test } from 'node:test';
import { MissingPart } from './cluster/missing-part.ts';
import { Run, scenarios, SIDE_BY_SIDE } from './run.ts';

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
      test(named.scenario.title, { skip, timeout: 1_200_000 }, async (context) => {
        await run?.scenario(named);
        for (const line of run?.told.get(named.name) ?? []) context.diagnostic(line);
      });
    }
  });
}
