/** `./srdit test [--all] [PATTERN...]`: the type check, the linter, the generated files and every test file, some at a time. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAll } from './process.ts';
import { count, exitCode, lastLine } from './result.ts';
import type { TestResult } from './result.ts';
import { testFiles, wanted } from './select.ts';
import { commandTasks, fileTasks } from './tasks.ts';
import type { Task } from './tasks.ts';

const USAGE = `usage: ./srdit test [--all] [PATTERN...]
  --all      also the slow tests (*.slow.test.ts): installation from nothing, whole runs, memory over many steps
  PATTERN    only what has this in its path; "types", "lint" and "generated files" are names too`;

/** Runs the tasks: those that may have company first, as many at a time as given, then the others one by one. */
async function runTasks(tasks: readonly Task[], atATime: number, ended: (task: Task, results: readonly TestResult[], seconds: number) => void): Promise<void> {
  const queue = tasks.filter((task) => !task.alone);
  const worker = async (rest: Task[]): Promise<void> => {
    for (let task = rest.shift(); task !== undefined; task = rest.shift()) {
      const started = performance.now();
      ended(task, await task.run(), (performance.now() - started) / 1000);
    }
  };
  await Promise.all(Array.from({ length: atATime }, () => worker(queue)));
  await worker(tasks.filter((task) => task.alone));
}

async function main(): Promise<number> {
  let options;
  try {
    options = parseArgs({ allowPositionals: true, options: { all: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } });
  } catch (error) {
    console.error(`srdit: ${(error as Error).message}\n${USAGE}`);
    return 64;
  }
  if (options.values.help) {
    console.log(USAGE);
    return 0;
  }
  const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
  const selection = { all: options.values.all, patterns: options.positionals };
  const commands = commandTasks(root).filter((task) => wanted([task.name], selection).length > 0);
  const tasks = [...commands, ...fileTasks(root, wanted(testFiles(root), selection))];

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      killAll();
      process.exit(75);
    });
  }
  const started = performance.now();
  const results: TestResult[] = [];
  let done = 0;
  await runTasks(tasks, Math.max(1, Math.min(4, availableParallelism())), (task, ofTask, seconds) => {
    results.push(...ofTask);
    done += 1;
    console.log(`[${done}/${tasks.length}] ${task.name}: ${lastLine(count(ofTask))} (${seconds.toFixed(1)} s)`);
  });

  const slowest = results.filter((result) => result.seconds >= 10).sort((a, b) => b.seconds - a.seconds).slice(0, 10);
  if (slowest.length > 0) console.log(`\nSlowest:\n${slowest.map((r) => `  ${r.seconds.toFixed(1)} s  ${r.place}  ${r.name}`).join('\n')}`);
  const skipped = results.filter((result) => result.outcome === 'skipped');
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((r) => `  ${r.place}  ${r.name}`).join('\n')}`);
  for (const failure of results.filter((result) => result.outcome === 'failed')) {
    console.log(`\nFAILED ${failure.place}  ${failure.name} (${failure.seconds.toFixed(1)} s)`);
    console.log((failure.message ?? '').split('\n').map((line) => `    ${line}`).join('\n'));
  }
  if (results.length === 0) console.log('\nNo test matches: see ./srdit test --help');
  console.log(`\nin ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  console.log(lastLine(count(results)));
  return exitCode(count(results));
}

process.exitCode = await main();
