import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface Ended { readonly code: number | null; readonly output: string }

/** `./srdit run -f` of these resources in that folder, as a user starts it. */
export function cliRun(folder: string, resources: readonly Record<string, unknown>[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const file = join(folder, `${Math.random()}.yaml`);
  writeFileSync(file, resources.map((resource) => stringify(resource)).join('---\n'));
  const child = spawn(process.execPath, [CLI, 'run', '-f', file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SRDIT_THREADS: '1', NODE_TEST_CONTEXT: undefined } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { output += text; });
  return { child, ended: new Promise((resolve) => child.once('close', (code) => { resolve({ code, output }); })) };
}
