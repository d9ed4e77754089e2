import { Option, type Command } from 'commander';

interface Options { json?: boolean; peer?: boolean; batch: string; threads: string; steps?: string; precision: 'float32' | 'bfloat16' }

const whole = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is "${text}", which is no whole number of at least 1. Give one, for example --${name} 8`);
  return value;
};

/** Prints the measured numbers; stdout holds them alone, what goes on is told on stderr. */
function print(json: boolean | undefined, result: object): void {
  if (json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [name, value] of flat(result)) process.stdout.write(`${name.padEnd(28)} ${value}\n`);
}

function flat(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, entry]: [string, unknown]): [string, string][] => {
    const name = prefix + key;
    if (Array.isArray(entry) && entry.every((one) => typeof one === 'number')) return [[name, entry.map(short).join(' .. ')]];
    if (typeof entry === 'object' && entry !== null) return flat(entry, `${name}.`);
    if (/rss$/i.test(key)) return [[name, `${(Number(entry) / 1e9).toFixed(2)} GB`]];
    return [[name, typeof entry === 'number' ? short(entry) : String(entry)]];
  });
}

const short = (value: number): string => Number.isInteger(value) ? String(value) : value.toPrecision(4);

/** `srdit bench step|sample|load|trace|storage|operator|kopf-ts`. */
export function register(program: Command): void {
  const bench = program.command('bench').description('Time the parts that matter, on this machine: medians, CPU time, peak memory')
    .addHelpText('after', `
Examples:
  srdit bench step               one optimizer step of a 40.3 M-parameter model, batch 8
  srdit bench step --peer        the same in turns with PyTorch, and the ratio (installs PyTorch once, 3 GB)
  srdit bench sample --json      pictures a second, for programs`);
  const log = (line: string): void => { process.stderr.write(`${line}\n`); };
  const common = (command: Command): Command => command
    .option('--json', 'one JSON object instead of lines')
    .option('--threads <n>', 'TensorFlow threads', '2')
    .addOption(new Option('--precision <type>', 'type of matrix products').choices(['float32', 'bfloat16']).default('float32'));

  common(bench.command('step').description('An optimizer step: forward, backward, clip, AdamW, EMA'))
    .option('--peer', 'take turns with the same model in PyTorch and print the ratio')
    .option('--batch <n>', 'pictures', '8').option('--steps <n>', 'timed steps', '20')
    .action(async (options: Options) => {
      const [{ benchStep }, { BENCH_MODEL }] = await Promise.all([import('../../../bench/step.ts'), import('../../../bench/setup.ts')]);
      print(options.json, await benchStep({
        config: BENCH_MODEL, batch: whole('batch', options.batch), threads: whole('threads', options.threads), steps: whole('steps', options.steps ?? '20'),
        block: 5, precision: options.precision, peer: options.peer === true, log,
      }));
    });
  common(bench.command('sample').description('Sampling: 10 SDE steps, plain and guided with path drop'))
    .option('--peer', 'the same in PyTorch, and the ratio').option('--steps <n>', 'SDE steps', '10')
    .action(async (options: Options) => {
      const { benchSampling } = await import('../../../bench/sample.ts');
      print(options.json, await benchSampling({
        threads: whole('threads', options.threads), steps: whole('steps', options.steps ?? '10'), repeats: 5, precision: options.precision, peer: options.peer === true, log,
      }));
    });
  common(bench.command('trace').description('Turning the training step into one TensorFlow function'))
    .option('--batch <n>', 'pictures', '8')
    .action(async (options: Options) => {
      const { benchTrace } = await import('../../../bench/trace.ts');
      print(options.json, await benchTrace({ batch: whole('batch', options.batch), threads: whole('threads', options.threads) }));
    });
  bench.command('load').description('The loader: examples a second, and how long a step would wait')
    .option('--json', 'one JSON object instead of lines')
    .action(async (options: Options) => {
      const { benchLoading } = await import('../../../bench/load.ts');
      print(options.json, await benchLoading(log));
    });
  bench.command('storage').description('Checkpoints and data sets on a folder and on gs:// (an emulator), as ratios to copying files')
    .option('--json', 'one JSON object instead of lines').option('--megabytes <n>', 'size of the checkpoint', '1000').option('--repeats <n>', 'turns that count', '3')
    .action(async (options: Options & { megabytes: string; repeats: string }) => {
      const { benchStorage } = await import('../../../bench/storage.ts');
      print(options.json, await benchStorage({ megabytes: whole('megabytes', options.megabytes), repeats: whole('repeats', options.repeats), log }));
    });
  bench.command('operator').description('The operator on a real control plane without nodes: how soon a gang is there, what it costs, how soon a lost one is back (builds Kubernetes once)')
    .option('--json', 'one JSON object instead of lines').option('--n <n>', 'gangs at once', '100')
    .addOption(new Option('--peers <names...>', 'operators that are measured the same way, and ratios to them').choices(['jobset', 'kopf']).default([]))
    .action(async (options: Options & { n: string; peers: ('jobset' | 'kopf')[] }) => {
      const { benchOperator } = await import('../../../bench/operator/bench.ts');
      print(options.json, await benchOperator({ gangs: whole('n', options.n), peers: options.peers, log }));
    });
  bench.command('kopf-ts').description('Our operator framework beside kopf: the same small operator on both, in turns on one control plane (builds Kubernetes and installs kopf once)')
    .option('--n <n>', 'resources of a run', '300').option('--rounds <n>', 'runs of each', '3')
    .action(async (options: { n: string; rounds: string }) => {
      const { benchFrameworks } = await import('../../../bench/operator/frameworks.ts');
      await benchFrameworks({ objects: whole('n', options.n), rounds: whole('rounds', options.rounds) });
    });
}
