import { Option, type Command } from 'commander';
import { files, namespace, root } from '../options.ts';

export function register(program: Command): void {
  program.command('status')
    .description('Show how far the runs of this machine are')
    .argument('[kind]', 'SRDiTTraining (or training), SRDiTEvaluation (or evaluation)')
    .argument('[name]', 'name of one resource')
    .addOption(files('show the resources of these files'))
    .addOption(new Option('-o, --output <format>', 'print whole resources').choices(['json', 'yaml']))
    .addOption(namespace())
    .addOption(root())
    .addHelpText('after', `
Works while the run goes on. STATE is Interrupted if the process that ran it was killed; the same run command goes on.

Examples:
  $ ./srdit status
  $ ./srdit status training emoji -o yaml
  $ ./srdit status training emoji -o json | jq .status.checkpoints.last.uri`)
    .action(async (kind: string | undefined, name: string | undefined, options: { filename?: string[]; output?: 'json' | 'yaml'; namespace: string; root: string }) => {
      const { showStatus } = await import('../status.ts');
      showStatus({ ...options, ...(kind === undefined ? {} : { kind }), ...(name === undefined ? {} : { name }) }, (text) => process.stdout.write(text));
    });
}
