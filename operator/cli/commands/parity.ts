import type { Command } from 'commander';

export function register(program: Command): void {
  program.command('parity')
    .description("Compare with the reference's recorded numbers")
    .argument('<folder...>', 'fixture folders, each with a manifest.json')
    .option('--all', 'a line for each tensor instead of each group')
    .option('--no-xla', 'compile by TensorFlow alone, without XLA')
    .option('--threads <number>', 'TensorFlow threads')
    .addHelpText('after', `
Runs each case eager and compiled and prints case, tensor, largest absolute error and tolerance.

Example:
  $ ./srdit parity runtime/parity/fixtures/*

Exit codes: 0 all within tolerance, 1 something is over, 64 a folder cannot be read.`)
    .action(async (folders: string[], options: { all?: boolean; xla: boolean; threads?: string }) => {
      const { InputError } = await import('../errors.ts');
      const threads = options.threads === undefined ? undefined : Number(options.threads);
      if (threads !== undefined && (!Number.isInteger(threads) || threads < 1)) throw new InputError(`Cannot use ${options.threads ?? ''} threads: give --threads a whole number of at least 1`);
      const { runParity } = await import('@srdit/runtime/parity/index.ts');
      process.exitCode = await runParity(folders, {
        out: (line) => { process.stdout.write(`${line}\n`); }, all: options.all ?? false, xla: options.xla, ...(threads === undefined ? {} : { threads }),
      });
    });
}
