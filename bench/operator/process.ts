/** The operator under test, as a process, and what it costs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

const TICKS = 100;

export class Measured implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(command: readonly string[], environment: NodeJS.ProcessEnv, log: string) {
    const file = openSync(log, 'a');
    this.#child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', file, file], env: { ...process.env, ...environment } });
    closeSync(file);
    process.once('exit', () => { this.#child.kill('SIGKILL'); });
  }

  get running(): boolean { return this.#child.exitCode === null && this.#child.signalCode === null; }

  /** CPU time of all its threads so far, seconds. */
  get cpuSeconds(): number {
    const fields = (this.#read('stat').split(') ')[1] ?? '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** The most memory that was resident at a time, bytes. */
  get peakRss(): number { return Number(/^VmHWM:\s+(\d+) kB/m.exec(this.#read('status'))?.[1] ?? 0) * 1024; }

  #read(name: string): string { return readFileSync(`/proc/${this.#child.pid ?? 0}/${name}`, 'utf8'); }

  async kill(): Promise<void> {
    if (!this.running) return;
    const ended = new Promise((resolve) => { this.#child.once('exit', resolve); });
    this.#child.kill('SIGKILL');
    await ended;
  }

  [Symbol.asyncDispose](): Promise<void> { return this.kill(); }
}
