import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LastWord, type RunConfig } from '@srdit/crds';
import { freePorts } from '../../free-ports.ts';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface Ended { readonly exitCode: number; readonly word: LastWord; readonly output: string }
export interface Worker { readonly process: ChildProcess; readonly done: Promise<Ended>; output(): string }

/** For tests: a pod's process, `srdit-runtime worker`, as the local executor starts it. root: what file:/// stands for. */
export async function startWorker(config: RunConfig, root: string, environment: Readonly<Record<string, string>> = {}): Promise<Worker> {
  const folder = await mkdtemp(join(tmpdir(), 'srdit-worker-'));
  const termination = join(folder, 'termination-log');
  const ports = await freePorts(config.spec.gang.workers * config.spec.gang.ranksPerWorker);
  const child = spawn(process.execPath, [MAIN, 'worker'], {
    env: {
      ...process.env, SRDIT_RUN: JSON.stringify(config), SRDIT_ADDRESSES: ports.map((port) => `127.0.0.1:${port}`).join(','), SRDIT_TERMINATION_LOG: termination,
      SRDIT_FILE_ROOT: root, SRDIT_DEVICE: 'cpu', SRDIT_LOG: 'text', SRDIT_THREADS: '1', ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (text) => { output += String(text); });
  child.stderr.on('data', (text) => { output += String(text); });
  const done = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      readFile(termination, 'utf8').then((text) => { resolve({ exitCode: code ?? -1, word: LastWord.parse(JSON.parse(text)), output }); })
        .catch((cause: unknown) => { reject(new Error(`The worker left no last word:\n${output}`, { cause })); })
        .finally(() => { void rm(folder, { recursive: true, force: true }); });
    });
  });
  return { process: child, done, output: () => output };
}
