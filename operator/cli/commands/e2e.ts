import type { Command } from 'commander';
import type * as EndToEnd from '../../../e2e/main.ts';
import { InputError } from '../errors.ts';

const whole = (name: string, text: string, most: number): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) throw new InputError(`--${name} is "${text}", which is no whole number from 0 to ${most}. Give one, for example --${name} 2`);
  return value;
};

/** The test cluster is above us: what e2e/ does is asked for by name, not imported with the command. */
const e2e = (): Promise<typeof EndToEnd> => import('../../../e2e/main.ts');

export function register(program: Command): void {
  const command = program.command('e2e')
    .description('Check on a real Kubernetes on this machine (root and Go needed) that everything holds; the first time builds for some ten minutes')
    .argument('[scenarios...]', 'words in the names of the scenarios; default all')
    .addHelpText('after', `
Examples:
  $ ./srdit e2e                                   all scenarios
  $ ./srdit e2e chart specs                       those with one of the words in their name
  $ ./srdit e2e up --nodes 2 --gpus 4             a cluster to look around in
  $ ./srdit e2e down

Logs of what failed lie in .srdit/e2e. Exit codes: 1 a scenario failed, 69 this machine cannot have a cluster (and why).`)
    .action(async (words: string[]) => { process.exitCode = await (await e2e()).runScenarios(words); });
  command.command('up')
    .description('Bring a cluster up and leave it running; one that is up is healed')
    .option('--nodes <number>', 'nodes; 0 = the control plane alone', '1')
    .option('--gpus <number>', 'nvidia.com/gpu that each node claims to have', '0')
    .option('--index <number>', 'which of ten clusters', '0')
    .option('--image <name...>', "the project's images to load: operator, runtime, contract-rank", [])
    .action(async (options: { nodes: string; gpus: string; index: string; image: string[] }) => {
      process.exitCode = await (await e2e()).up({
        nodes: whole('nodes', options.nodes, 9), gpus: whole('gpus', options.gpus, 64), index: whole('index', options.index, 9), images: options.image,
      });
    });
  command.command('down')
    .description('End a cluster that up left running')
    .option('--index <number>', 'which of ten clusters', '0')
    .action(async (options: { index: string }) => { process.exitCode = await (await e2e()).down(whole('index', options.index, 9)); });
}
