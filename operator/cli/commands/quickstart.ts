import type { Command } from 'commander';
import { root } from '../options.ts';

export function register(program: Command): void {
  program.command('quickstart')
    .description('From nothing to a trained model: real pictures, training, samples and what they are worth, in about ten minutes')
    .option('--steps <number>', 'optimizer steps, more or less than training.yaml says; such a run lies beside the whole one')
    .option('--fresh', 'begin anew: forget the model and the results there are (pictures and data set stay)')
    .addOption(root())
    .option('-v, --verbose', 'show the log lines of all ranks')
    .addHelpText('after', `
Brings 1906 emoji from npm, packs them at 32x32 as 16 tokens of 8x8 pixels, trains on them with two ranks as
examples/quickstart/training.yaml says, measures the model as examples/quickstart/evaluation.yaml says, and compares it
with noise and with the untrained model. Change those files and begin anew.

Stop it with Ctrl-C, or kill it: the same command goes on, and what is done is not done again.

Examples:
  $ ./srdit quickstart                  the whole of it
  $ ./srdit quickstart --steps 100      only to see it work, in a few minutes; the pictures are mush
  $ ./srdit quickstart --fresh          after a change of training.yaml

Exit codes: 0 done, 64 wrong input or wrong resource, 65 diverged, 69 the pictures cannot be brought, 75 stopped, 1 failed for another reason.`)
    .action(async (options: { steps?: string; fresh?: boolean; root: string; verbose?: boolean }) => {
      const { InputError } = await import('../errors.ts');
      const steps = options.steps === undefined ? undefined : Number(options.steps);
      if (steps !== undefined && (!Number.isInteger(steps) || steps < 1)) throw new InputError(`Cannot train ${JSON.stringify(options.steps)} steps: give --steps a whole number of at least 1`);
      const { quickstart } = await import('../../quickstart/quickstart.ts');
      process.exitCode = await quickstart({
        root: options.root, fresh: options.fresh ?? false, verbose: options.verbose ?? false, ...(steps === undefined ? {} : { steps }),
      });
    });
}
