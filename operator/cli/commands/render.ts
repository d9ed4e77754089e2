import type { Command } from 'commander';
import { files } from '../options.ts';

export function register(program: Command): void {
  program.command('render')
    .description('Print the Kubernetes objects that resources become')
    .addOption(files('YAML files with SRDiTTraining and SRDiTEvaluation resources; - is standard input').makeOptionMandatory())
    .option('--attempt <number>', 'attempt whose objects are printed', '1')
    .option('--image <image>', 'runtime image of resources that name none')
    .option('--status', 'print the status that would be written first, too')
    .addHelpText('after', `
What is printed is what the operator applies and what ./srdit run starts: all three make it with the same function.

Examples:
  $ ./srdit render -f training.yaml
  $ ./srdit render -f training.yaml | kubectl diff -f -`)
    .action(async (options: { filename: string[]; attempt: string; image?: string; status?: boolean }) => {
      const { render } = await import('../render.ts');
      process.stdout.write(render(options.filename, { attempt: options.attempt, status: options.status ?? false, ...(options.image === undefined ? {} : { image: options.image }) }));
    });
}
