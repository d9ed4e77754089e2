/** The process that holds a gang: it runs inside the gang's network namespace, starts the workers there, keeps their
 *  logs and asks rank 0 for its progress. It lives and dies with its executor. Arguments: number of free ports wanted. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from '@srdit/runtime/free-ports.ts';
import type { FromHost, ToHost } from './protocol.ts';

const ANSWER_LIMIT = 256 * 1024;
const workers = new Map<number, ChildProcess>();

function tell(message: FromHost): void {
  if (process.connected) process.send?.(message);
}

/** The worker and its ranks: they share a process group. */
function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    // TERM goes to the worker alone, which passes it on; KILL cannot be passed on.
    process.kill(signal === 'SIGKILL' ? -child.pid : child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function start(message: Extract<ToHost, { type: 'start' }>): void {
  const { worker, argv: [program = '', ...args], env } = message;
  mkdirSync(dirname(message.log), { recursive: true });
  const log = createWriteStream(message.log, { flags: 'a' });
  // Its standard input is the pipe that tells it of our end (SRDIT_PARENT_PIPE).
  const child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  workers.set(worker, child);
  const keep = (line: string): void => {
    const marked = line.startsWith('[rank ') ? line : `[rank ${worker}] ${line}`;
    log.write(`${marked}\n`);
    if (message.lines) tell({ type: 'line', worker, line: marked });
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', keep);
  child.stdin.on('error', () => { /* it ended before us */ });
  child.on('error', (error) => {
    if (!workers.delete(worker)) return;
    keep(`Cannot start ${program}: ${error.message}`);
    log.end(() => tell({ type: 'ended', worker, exitCode: 127 }));
  });
  // close, not exit: the last lines are in the log before the end is told. A rank that outlives its worker keeps the
  // pipes open; it is not waited for long.
  const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (!workers.delete(worker)) return;
    log.end(() => tell({ type: 'ended', worker, exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]) }));
  };
  child.on('exit', (code, signal) => {
    signalGroup(child, 'SIGKILL');
    setTimeout(() => ended(code, signal), 3000).unref();
  });
  child.on('close', ended);
  if (child.pid !== undefined) tell({ type: 'started', worker, pid: child.pid });
}

/** GET /progress: no redirects, bounded in size and time. Silence is an answer too (the rank is starting or ending). */
async function ask(port: number): Promise<void> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/progress`, { redirect: 'error', signal: AbortSignal.timeout(2000) });
    if (!response.ok || response.body === null) return;
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.length > ANSWER_LIMIT) return;
    }
    tell({ type: 'progress', text });
  } catch {
    // Asked again in a moment.
  }
}

process.on('message', (message: ToHost) => {
  switch (message.type) {
    case 'start': start(message); break;
    case 'signal': { const child = workers.get(message.worker); if (child !== undefined) signalGroup(child, message.signal); break; }
    case 'ask': void ask(message.port); break;
    default: message satisfies never;
  }
});
process.on('disconnect', () => {
  for (const child of workers.values()) signalGroup(child, 'SIGKILL');
  process.exit(0);
});
// Whoever signals us means the gang; the executor decides.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('SIGTERM', () => { for (const child of workers.values()) signalGroup(child, 'SIGTERM'); });

tell({ type: 'ready', ports: await freePorts(Number(process.argv[2])) });
