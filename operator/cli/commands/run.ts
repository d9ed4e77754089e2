import type { Command } from 'commander';
import { files, root } from '../options.ts';

export function register(program: Command): void {
  program.command('run')
    .description('Run resources on this machine, to their end')
    .addOption(files('YAML files with SRDiTTraining and SRDiTEvaluation resources; - is standard input').makeOptionMandatory())
    .addOption(root())
    .option('-v, --verbose', 'show the log lines of all ranks')
    .addHelpText('after', `
Each worker of the gang becomes a process group; file:///path is .srdit/volumes/path. An evaluation waits for the
training it measures; one of every checkpoint (which: Every) goes on beside it. Ctrl-C (or TERM to any rank) stops: all
ranks write a checkpoint at the same step, and the same command goes on from there. Ctrl-C twice kills. A rank that dies
restarts the gang from its newest checkpoint.

Environment:
  SRDIT_NETNS=off     no network namespace around a gang of several ranks
  SRDIT_THREADS=N     TensorFlow threads of each rank (cores / ranks)
  SRDIT_DEVICE=cpu    compute on the CPU though the YAML asks for GPUs

Examples:
  $ ./srdit run -f examples/quickstart/training.yaml -f examples/quickstart/evaluation.yaml
  $ sed 's/name: emoji/name: emoji-8/; s|runs/emoji|runs/emoji-8|; s/seed: 7/seed: 8/' examples/quickstart/training.yaml | ./srdit run -f -

Exit codes: 0 all complete, 64 wrong resource, 65 diverged, 75 stopped, 1 failed for another reason.`)
    .action(async (options: { filename: string[]; root: string; verbose?: boolean }) => {
      const { runFiles } = await import('../run.ts');
      process.exitCode = await runFiles(options.filename, { root: options.root, verbose: options.verbose ?? false });
    });
}
