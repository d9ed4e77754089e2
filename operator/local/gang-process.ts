import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RunError } from './errors.ts';
import type { FromHost, ToHost } from './protocol.ts';

export interface HostEvents {
  started(worker: number, pid: number): void;
  ended(worker: number, exitCode: number): void;
  line(line: string): void;
  progress(text: string): void;
  /** The host itself is gone, and with it every worker. */
  lost(): void;
}

const HOST = fileURLToPath(new URL('host.ts', import.meta.url));

/** The executor's end of a gang's host process. */
export class GangProcess implements Disposable {
  readonly ports: readonly number[];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#child = child;
    this.ports = ports;
  }

  /** Starts the host behind `prefix` (a namespace) and waits until it has found its ports.
   *  @throws RunError NoHost */
  static async start(prefix: readonly string[], ports: number, events: HostEvents): Promise<GangProcess> {
    const [program = process.execPath, ...args] = [...prefix, process.execPath];
    // A session of its own: Ctrl-C at the terminal is for the executor, which asks the gang to stop once and in order.
    const child = fork(HOST, [String(ports)], {
      execPath: program, execArgv: args, detached: true, serialization: 'json', stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const found = await new Promise<readonly number[]>((resolve, reject) => {
      const failed = (why: string): void => reject(new RunError('NoHost', `Cannot start the process that holds the gang: ${why}. Set SRDIT_NETNS=off to do without a network namespace`));
      child.once('error', (error) => failed(error.message));
      child.once('exit', (code, signal) => failed(`it ended with ${signal ?? `exit code ${code}`}`));
      child.on('message', (message: FromHost) => {
        switch (message.type) {
          case 'ready': resolve(message.ports); break;
          case 'started': events.started(message.worker, message.pid); break;
          case 'ended': events.ended(message.worker, message.exitCode); break;
          case 'line': events.line(message.line); break;
          case 'progress': events.progress(message.text); break;
          default: message satisfies never;
        }
      });
    });
    child.removeAllListeners('exit');
    child.once('exit', () => events.lost());
    return new GangProcess(child, found);
  }

  get pid(): number { return this.#child.pid ?? 0; }

  send(message: ToHost): void {
    if (this.#child.connected) this.#child.send(message, () => { /* an unsent message means that 'exit' follows */ });
  }

  /** Ends the host; workers that are still there are killed. */
  [Symbol.dispose](): void {
    this.#child.removeAllListeners('exit');
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }
}
