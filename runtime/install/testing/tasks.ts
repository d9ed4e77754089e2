import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { leaves } from './events.ts';
import type { FinishedTest } from './events.ts';
import { runProcess } from './process.ts';
import type { Ended } from './process.ts';
import type { TestResult } from './result.ts';

/** One piece of the work of `./srdit test`: a command over the tree (one test) or a test file (as many as it holds). */
export interface Task {
  readonly name: string;
  /** Runs with nothing beside it: it measures time, memory or the whole machine. */
  readonly alone: boolean;
  run(): Promise<TestResult[]>;
}

const REPORTER = new URL('reporter.ts', import.meta.url).href;
const SLOW = '.slow.test.ts';
const MINUTES = { file: 8, slowFile: 35, command: 8 };

/** The type check, the linter and the check of generated files: each is one test. */
export function commandTasks(root: string): Task[] {
  const command = (name: string, ...args: string[]): Task => ({
    name,
    alone: false,
    run: async () => {
      const ended = await runProcess(process.execPath, args, { cwd: root, limitSeconds: MINUTES.command * 60 });
      const passed = ended.code === 0;
      return [{
        name,
        outcome: passed ? 'passed' : 'failed',
        seconds: ended.seconds,
        place: `node ${args.join(' ')}`,
        ...(passed ? {} : { message: ending(ended, MINUTES.command) }),
      }];
    },
  });
  return [
    command('types', 'node_modules/typescript/bin/tsc', '-p', '.'),
    command('lint', 'node_modules/eslint/bin/eslint.js', '.'),
    command('generated files', 'crds/generate.ts', '--check'),
  ];
}

/** A task for each test file (paths relative to the root). minutes: how long a file, and a slow one, may take. */
export function fileTasks(root: string, files: readonly string[], minutes: { readonly file: number; readonly slowFile: number } = MINUTES): Task[] {
  return files.map((file) => {
    const slow = file.endsWith(SLOW);
    return { name: file, alone: slow, run: () => runFile(root, file, slow ? minutes.slowFile : minutes.file) };
  });
}

async function runFile(root: string, file: string, limitMinutes: number): Promise<TestResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'srdit-test-'));
  const report = join(folder, 'report.jsonl');
  try {
    const ended = await runProcess(process.execPath,
      [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${report}`, file],
      // Set where a test runs tests: the file would report to that test and not to us.
      { cwd: root, limitSeconds: limitMinutes * 60, env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
    const finished = existsSync(report) ? finishedTests(readFileSync(report, 'utf8')) : [];
    const results = leaves(finished, (path) => (path === '' ? file : relative(root, path)));
    const failed = results.some((result) => result.outcome === 'failed');
    // A file that dies, hangs or tests nothing says so in a failure of its own.
    if (!failed && (ended.code !== 0 || results.length === 0)) {
      const message = results.length === 0 && ended.code === 0 ? 'holds no test' : ending(ended, limitMinutes);
      results.push({ name: file, outcome: 'failed', seconds: ended.seconds, place: file, message });
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lines of the report; a file killed while it wrote leaves a torn last one. */
function finishedTests(report: string): FinishedTest[] {
  const lines = report.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as FinishedTest);
}

function ending(ended: Ended, limitMinutes: number): string {
  const how = ended.timedOut ? `ran past its limit of ${limitMinutes} minutes`
    : ended.code === undefined ? 'was ended by a signal' : `exited with code ${ended.code}`;
  return `${how}\n${ended.output.trimEnd().split('\n').slice(-60).join('\n')}`;
}
