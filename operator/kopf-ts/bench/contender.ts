/** An operator under measurement: a process, its processor time, its memory. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Programs {
  /** Of a virtual environment with kopf. */
  readonly python: string;
  /** bench/gangs.ts without types. */
  readonly gangs: string;
}

export type Name = 'kopf-ts' | 'kopf';

/** Kernel clock ticks a second, which Linux fixes for user space. */
const TICKS = 100;

export class Contender {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #log = '';

  /** `env` says how it reaches the API server. */
  constructor(name: Name, env: NodeJS.ProcessEnv, namespace: string, programs: Programs) {
    const command = name === 'kopf'
      ? [programs.python, '-m', 'kopf', 'run', '--standalone', '--quiet', '-n', namespace, join(import.meta.dirname, 'gangs.py')]
      // A small young generation: an operator is no place for garbage to pile up.
      : [process.execPath, '--max-semi-space-size=2', programs.gangs];
    const { KUBECONFIG: _, ...rest } = process.env;
    this.#child = spawn(command[0] as string, command.slice(1), { env: { ...rest, ...env, NAMESPACE: namespace }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => { this.#log = (this.#log + text).slice(-4000); });
    this.#ended = new Promise((resolve) => this.#child.once('exit', () => { resolve(); }));
  }

  /** Throws when it does not run any more. */
  check(): void {
    this.#read('stat');
  }

  /** Seconds of user and system time so far. */
  get cpu(): number {
    const fields = this.#read('stat').replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** MB. */
  get peakMemory(): number {
    return Number(/VmHWM:\s+(\d+)/.exec(this.#read('status'))?.[1]) / 1000;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#ended;
    clearTimeout(kill);
  }

  #read(file: string): string {
    try {
      return readFileSync(`/proc/${this.#child.pid}/${file}`, 'utf8');
    } catch (error) {
      throw new Error(`The operator has ended:\n${this.#log}`, { cause: error });
    }
  }
}
