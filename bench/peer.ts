import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import * as z from 'zod';

const here = join(import.meta.dirname, 'peer');
const Ready = z.object({ ready: z.literal(true), torch: z.string(), parameters: z.int() });
const Reply = z.object({ ms: z.array(z.number()).optional(), seconds: z.number().optional(), cpuSeconds: z.number(), peakRss: z.number() });
export type PeerReply = z.infer<typeof Reply>;

/** The PyTorch model of bench/peer as a process that works only when asked, so that it and ours can take turns. */
export class Peer implements Disposable {
  readonly torch: string;
  readonly parameters: number;
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>, lines: AsyncIterator<string>, ready: z.infer<typeof Ready>) {
    this.#process = child;
    this.#lines = lines;
    this.torch = ready.torch;
    this.parameters = ready.parameters;
  }

  static async start(config: Readonly<Record<string, number>>, log: (line: string) => void): Promise<Peer> {
    const python = await installTorch(log);
    const child = spawn(python, [join(here, 'peer.py')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // Threads that spin while they wait would slow the other side down.
      env: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE', OMP_NUM_THREADS: String(config['threads'] ?? 2) },
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    child.stdin.write(`${JSON.stringify(config)}\n`);
    return new Peer(child, lines, Ready.parse(await nextJson(lines)));
  }

  async ask(request: { do: 'steps'; n: number } | { do: 'sample'; steps: number; guided: boolean }): Promise<PeerReply> {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    return Reply.parse(await nextJson(this.#lines));
  }

  [Symbol.dispose](): void { this.#process.kill(); }
}

async function nextJson(lines: AsyncIterator<string>): Promise<unknown> {
  const { value, done } = await lines.next() as IteratorResult<string, undefined>;
  if (done === true) throw new Error('The PyTorch peer ended early: its message stands above');
  return JSON.parse(value);
}

/** A virtual environment in the cache, named by the pins it was made from. Returns its python. */
async function installTorch(log: (line: string) => void): Promise<string> {
  const requirements = join(here, 'requirements.txt');
  const name = createHash('sha256').update(await readFile(requirements)).digest('hex').slice(0, 12);
  const cache = process.env['SRDIT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'srdit');
  const home = join(cache, 'peer', name);
  const python = join(home, 'bin', 'python');
  if (await stat(join(home, 'complete')).then(() => true, () => false)) return python;
  log('installing PyTorch for the comparison (about 3 GB to fetch, once) ...');
  await rm(home, { recursive: true, force: true });
  const run = promisify(execFile);
  try {
    await run('python3', ['-m', 'venv', home]);
    await run(join(home, 'bin', 'pip'), ['install', '--quiet', '--require-hashes', '--no-deps', '-r', requirements], { maxBuffer: 1 << 26 });
    await run('cp', [requirements, join(home, 'complete.draft')]);
    await rename(join(home, 'complete.draft'), join(home, 'complete'));
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(cause);
    throw new Error(`Cannot install PyTorch for the comparison: ${said}. It needs Python 3.11 with venv, 8 GB of disk and a package index; without --peer nothing of this is needed`, { cause });
  }
  return python;
}
