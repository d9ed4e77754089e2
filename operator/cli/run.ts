import { fileURLToPath } from 'node:url';
import type { Resource } from '@srdit/crds';
import { terminalDisplay, type Display } from '../local/display.ts';
import { endingOf } from '../local/ending.ts';
import type { ExecutorOptions, Wish } from '../local/executor.ts';
import { layout } from '../local/files.ts';
import { isolation, isolationFor } from '../local/namespace.ts';
import { runAll, type RunAllResult } from '../local/run.ts';
import { statusTable } from '../local/table.ts';
import { label } from '../local/text.ts';
import { readResources } from './resources.ts';

export interface RunOptions { readonly root: string; readonly verbose: boolean }

const RUNTIME = fileURLToPath(import.meta.resolve('@srdit/runtime/cli/main.ts'));

/** `srdit run`: resolves with the exit code. */
export async function runFiles(files: readonly string[], options: RunOptions): Promise<number> {
  const { exitCode } = await runResources(readResources(files), options);
  return exitCode;
}

/** Runs resources on this machine with everything a person at a terminal expects; ends with the status table. */
export async function runResources(resources: readonly Resource[], { root, verbose }: RunOptions): Promise<RunAllResult> {
  const display = terminalDisplay(process.stdout);
  const places = layout(root);
  using wish = wishes(display);
  const isolated = isolation(process.env['SRDIT_NETNS']);
  for (const { spec } of resources) {
    const { why } = isolationFor(spec, isolated);
    if (why === undefined || spec.gang.workers * spec.gang.ranksPerWorker === 1) continue;
    display.say(`No network namespace around the gang (${why}): while it runs, TensorFlow's ports are open to whoever reaches this machine`);
    break;
  }
  const options: ExecutorOptions = { layout: places, runtime: [process.execPath, RUNTIME], isolation: isolated, display, verbose, wish };
  const result = await runAll(resources, options);
  for (const stored of result.results) for (const line of endingOf(stored, places)) display.say(line);
  const before = result.results.at(-1);
  for (const resource of result.left) display.say(`${label(resource)}: not begun, because ${before === undefined ? 'another resource' : label(before)} is not complete`);
  display.say(`\n${statusTable(result.results, places, new Date().toISOString()).join('\n')}`);
  return result;
}

/** Ctrl-C, TERM or a closed terminal once: stop in order; twice: kill. */
function wishes(display: Display): Wish & Disposable {
  const stop = new AbortController();
  const kill = new AbortController();
  const heard = (): void => {
    if (!stop.signal.aborted) {
      display.say('Stopping: all ranks write a checkpoint and end. Once more kills them');
      stop.abort();
    } else if (!kill.signal.aborted) {
      display.say('Killing all ranks');
      kill.abort();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, heard);
  return {
    stop: stop.signal, kill: kill.signal,
    [Symbol.dispose]: () => { for (const signal of signals) process.off(signal, heard); },
  };
}
