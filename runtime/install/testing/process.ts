import { spawn } from 'node:child_process';

export interface Ended {
  /** Exit code; undefined: ended by a signal. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
  readonly seconds: number;
  /** The last 64 KiB of what it said, both streams. */
  readonly output: string;
}

const KEPT = 65_536;
const running = new Set<number>();

/** Runs a command to its end in a process group of its own; past the limit the whole group is killed, so that no rank of a
 *  test that hangs stays behind. */
export function runProcess(command: string, args: readonly string[], options: {
  cwd: string; env?: NodeJS.ProcessEnv; limitSeconds: number; echo?: boolean;
}): Promise<Ended> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const group = child.pid;
    if (group !== undefined) running.add(group);
    let output = '';
    const keep = (chunk: string): void => {
      output = (output + chunk).slice(-KEPT);
      if (options.echo === true) process.stdout.write(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    let timedOut = false;
    const limit = setTimeout(() => {
      timedOut = true;
      if (group !== undefined) killGroup(group);
    }, options.limitSeconds * 1000);
    child.on('error', (error) => {
      clearTimeout(limit);
      if (group !== undefined) running.delete(group);
      reject(error);
    });
    // 'exit' and not 'close': a grandchild that was left behind may hold the pipes open for ever.
    child.on('exit', (code) => {
      clearTimeout(limit);
      setImmediate(() => {
        if (group !== undefined) {
          killGroup(group);
          running.delete(group);
        }
        resolve({ code: code ?? undefined, timedOut, seconds: (performance.now() - started) / 1000, output });
      });
    });
  });
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // all gone already
  }
}

/** Ends everything that was started and has not ended. */
export function killAll(): void {
  for (const group of running) killGroup(group);
}
