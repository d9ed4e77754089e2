/** The user's commands behind ./srdit. Every file of commands/ is a command; what it needs is imported only when it runs. */
import { readdirSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { explain } from './errors.ts';

interface CommandModule { register(program: Command): void }

/** The order of --help; commands that are not listed come after these. */
const ORDER = ['quickstart', 'run', 'status', 'render', 'data', 'parity', 'bench'];
const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

const program = new Command('srdit')
  .description('Trains, samples and measures SR-DiT diffusion transformers: the same YAML on this machine and in a Kubernetes cluster')
  .showHelpAfterError('Say ./srdit --help, or ./srdit COMMAND --help')
  .exitOverride()
  .addHelpText('after', `
Besides: test (all tests; --all for the slow ones), setup (brings what is missing and ends).

First steps:
  $ ./srdit quickstart                         real pictures, a trained model and its samples in ten minutes
  $ ./srdit run -f training.yaml               trains as the YAML says; Ctrl-C stops it, the same command goes on
  $ ./srdit status                             how far everything is
  $ ./srdit render -f training.yaml            what a cluster would get

Exit codes: 0 done, 64 wrong input, 65 diverged, 69 something is missing here, 75 stopped (the same command goes on), 1 anything else.
Documentation: docs/ in this folder; begin with README.md and docs/quickstart.md.`);

const folder = new URL('commands/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .sort((a, b) => rank(a.slice(0, -3)) - rank(b.slice(0, -3)) || a.localeCompare(b));
const modules = await Promise.all(files.map((file) => import(new URL(file, folder).href) as Promise<CommandModule>));
for (const module of modules) module.register(program);
// Options are copied to a subcommand when it is made, but only from its parent's constructor options.
const strict = (command: Command): void => { for (const sub of command.commands) { sub.exitOverride(); strict(sub); } };
strict(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help that was asked for is no error.
    process.exitCode = error.exitCode === 0 ? 0 : 64;
  } else {
    const { text, exitCode } = explain(error);
    process.stderr.write(`srdit: ${text}\n`);
    process.exitCode = exitCode;
  }
}
