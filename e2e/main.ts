/** `./srdit e2e`: the scenarios at a terminal, and clusters to look around in. */
import { join } from 'node:path';
import { contractRankImage, projectImage, toolImages } from './images.ts';
import { startCluster, stopCluster } from './cluster/cluster.ts';
import { MissingPart } from './cluster/missing-part.ts';
import { Run, scenarios, SIDE_BY_SIDE, type Named } from './run.ts';

const print = (line: string): void => { process.stdout.write(`${line}\n`); };

/** Runs the scenarios whose names hold one of the words. Gives the exit code: 0 all well, 1 one failed, 64 no such scenario, 69 this machine cannot. */
export async function runScenarios(words: readonly string[]): Promise<number> {
  const wanted = await scenarios(words);
  if (wanted.length === 0) {
    process.stderr.write(`srdit: no scenario has "${words.join('" or "')}" in its name. There are ${(await scenarios()).map(({ name }) => name).join(', ')}\n`);
    return 64;
  }
  let failed = 0;
  try {
    await using run = await Run.start(wanted);
    const one = async (named: Named): Promise<void> => {
      const started = performance.now();
      const seconds = (): string => `(${((performance.now() - started) / 1000).toFixed(1)} s)`;
      try {
        await run.scenario(named);
        print(`passed  ${named.name}: ${named.scenario.title} ${seconds()}`);
      } catch (error) {
        failed += 1;
        print(`FAILED  ${named.name}: ${named.scenario.title} ${seconds()}\n${(error instanceof Error ? error.stack ?? error.message : String(error)).replace(/^/gm, '    ')}`);
      }
    };
    const queue = wanted.filter(({ scenario }) => scenario.alone !== true);
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await one(next);
    }));
    for (const named of wanted.filter(({ scenario }) => scenario.alone === true)) await one(named);
    for (const [name, lines] of run.told) print([`${name} measured:`, ...lines].join('\n    '));
  } catch (error) {
    if (!(error instanceof MissingPart)) throw error;
    print(`${wanted.length} scenarios skipped: ${error.message}`);
    return 69;
  }
  print(`${wanted.length - failed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
}

export interface UpOptions { readonly nodes: number; readonly gpus: number; readonly index: number; readonly images: readonly string[] }

/** Brings a cluster up, or heals the one that is up, and leaves it. */
export async function up({ nodes, gpus, index, images }: UpOptions): Promise<number> {
  const named = { 'contract-rank': contractRankImage, runtime: () => projectImage('runtime-cpu'), operator: () => projectImage('operator') } as const;
  const imageOf = async (name: string): Promise<string> => {
    const make = Object.entries(named).find(([known]) => known === name)?.[1];
    if (make === undefined) throw new MissingPart(`There is no image "${name}"`, `Name some of ${Object.keys(named).join(', ')}`);
    return make();
  };
  return orMissing(async () => {
    const tars = nodes === 0 ? [] : [...await toolImages(), ...await Promise.all(images.map(imageOf))];
    const cluster = await startCluster({ nodes, ...(gpus > 0 ? { gpus } : {}), index, images: tars, keep: true });
    await cluster.kubectl(['apply', '--server-side', '-f', join(import.meta.dirname, '../crds/generated')]);
    print(`Cluster ${index} is up. Look around:\n  export KUBECONFIG=${cluster.kubeconfig}\n  alias kubectl='${cluster.binary} kubectl'\nEnd it with ./srdit e2e down --index ${index}`);
  });
}

/** Takes a cluster down that up has left, of whichever checkout. */
export const down = (index: number): Promise<number> => orMissing(async () => {
  print(await stopCluster(index) ? `Cluster ${index} is gone` : `Cluster ${index} is not up`);
});

async function orMissing(work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (!(error instanceof MissingPart)) throw error;
    process.stderr.write(`srdit: ${error.message}\n`);
    return 69;
  }
}
