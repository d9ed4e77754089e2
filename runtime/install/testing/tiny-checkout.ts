import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** All that the door calls besides what it looks for (g++, npm, python3, node). */
const TOOLS = ['awk', 'cat', 'cp', 'cut', 'date', 'df', 'dirname', 'du', 'env', 'find', 'flock', 'getconf', 'getent', 'grep', 'head', 'id', 'ld', 'as',
  'ls', 'mkdir', 'mv', 'readlink', 'rm', 'sed', 'setsid', 'sh', 'sha256sum', 'sha512sum', 'sleep', 'sort', 'tail', 'tar', 'tr', 'uname', 'wc'];

/** Exit code, or signal as the shell gives it; both streams. */
export interface Said { readonly code: number | null; readonly out: string; readonly err: string }

/** A checkout with the real door and a small cargo: one workspace, a wheel of a few bytes with a made-up library, one C++ file.
 *  pip, npm and g++ are the machine's own; nothing is fetched from a network. */
export class TinyCheckout implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'srdit door '));
  readonly root = join(this.folder, 'check out');
  readonly cache = join(this.folder, 'ca che');
  readonly bin = join(this.folder, 'bin');
  /** pip splits its list of folders at spaces: this path has none. */
  readonly wheels = mkdtempSync(join(tmpdir(), 'srdit-wheels-'));

  constructor() {
    this.write('package.json', JSON.stringify({ name: 'tiny', private: true, type: 'module', workspaces: ['crds'] }));
    this.write('crds/package.json', JSON.stringify({ name: '@tiny/crds', version: '1.0.0' }));
    this.write('package-lock.json', JSON.stringify({
      name: 'tiny', lockfileVersion: 3, requires: true,
      packages: {
        '': { name: 'tiny', workspaces: ['crds'] },
        'crds': { name: '@tiny/crds', version: '1.0.0' },
        'node_modules/@tiny/crds': { resolved: 'crds', link: true },
      },
    }));
    this.write('operator/cli/main.ts', 'console.log(JSON.stringify([process.argv.slice(2), process.cwd(), process.env.SRDIT_ADDON]));\nexport {};\n');
    this.write('runtime/engine/native/addon.cc', 'extern "C" int answer() { return 42; }\n');
    this.write('runtime/engine/native/build.sh',
      'set -eu\nfor name in srdit tfjs_binding; do g++ -shared -fPIC -o "$3/$name.node" "${0%/*}/addon.cc"; done\n[ -f "$1/libtensorflow_cc.so.2" ]\n');
    cpSync(join(ROOT, 'srdit'), join(this.root, 'srdit'));
    const install = join(ROOT, 'runtime/install');
    for (const name of readdirSync(install)) if (/\.(sh|py|wheels)$/.test(name)) cpSync(join(install, name), join(this.root, 'runtime/install', name));
    this.pinWheel('the library');
    for (const tool of TOOLS) this.tool(tool, `exec '${which(tool)}' "$@"`);
    this.tool('node', `exec '${process.execPath}' "$@"`);
    this.tool('g++', `exec '${which('g++')}' "$@"`);
    this.tool('python3', `exec '${execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()}' "$@"`);
    // Where the machine has no npm, the Node that the door brought came with one.
    const beside = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
    this.tool('npm', which('npm') === '' ? `exec node '${beside}' "$@"` : `exec '${which('npm')}' "$@"`);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** Puts a command on the door's PATH, the only folder there. */
  tool(name: string, script: string): void {
    mkdirSync(this.bin, { recursive: true });
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.bin, name), 0o755);
  }

  lacks(...names: string[]): void {
    for (const name of names) rmSync(join(this.bin, name));
  }

  /** Makes the wheel and pins its digest. */
  pinWheel(library: string): void {
    const wheel = join(this.wheels, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl');
    const files = { 'tensorflow/libtensorflow_cc.so.2': library, 'tensorflow/unwanted.py': '', 'tensorflow_cpu-2.21.0.dist-info/METADATA':
      'Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: 2.21.0\n', 'tensorflow_cpu-2.21.0.dist-info/WHEEL': 'Wheel-Version: 1.0\n', 'tensorflow_cpu-2.21.0.dist-info/RECORD': '' };
    execFileSync('python3', ['-c', 'import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as z:\n  for name, text in json.loads(sys.argv[2]).items(): z.writestr(name, text)',
      wheel, JSON.stringify(files)]);
    const sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex');
    this.write('runtime/install/cpu.wheels', `# tiny\ntensorflow-cpu 2.21.0 cp311 cp311 manylinux_2_27_x86_64 ${sha256} 1 tensorflow/libtensorflow_cc.so.2\n`);
  }

  get #environment(): Record<string, string> {
    return { PATH: this.bin, SRDIT_CACHE: this.cache, SRDIT_DEVICE: 'cpu', PIP_NO_INDEX: '1', PIP_FIND_LINKS: this.wheels, npm_config_offline: 'true' };
  }

  /** Starts the door with nothing in its environment but what is given here. */
  start(args: readonly string[], options: { cwd?: string; door?: string; env?: Record<string, string> } = {}): { child: ChildProcess; ended: Promise<Said> } {
    const child = spawn(options.door ?? join(this.root, 'srdit'), args, {
      cwd: options.cwd ?? this.folder,
      env: { ...this.#environment, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => { said.out += chunk; });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => { said.err += chunk; });
    const ended = new Promise<Said>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code) => setTimeout(() => resolve({ code, ...said }), 50));
    });
    return { child, ended };
  }

  run(args: readonly string[], options?: Parameters<TinyCheckout['start']>[1]): Promise<Said> {
    return this.start(args, options).ended;
  }

  /** Processor time that the door takes with these arguments, its children included, by the shell's own count. */
  processorSeconds(args: readonly string[]): number {
    const said = execFileSync('sh', ['-c', '"$@" 2>/dev/null; times', 'sh', join(this.root, 'srdit'), ...args], { encoding: 'utf8', cwd: this.folder, env: this.#environment });
    const [user = '', system = ''] = (said.trim().split('\n').at(-1) ?? '').split(' ');
    const parts = [user, system].map((time) => /^(\d+)m([\d.]+)s$/.exec(time)).map((match) => Number(match?.[1]) * 60 + Number(match?.[2]));
    return parts.reduce((sum, part) => sum + part, 0);
  }

  /** Files and folders of the cache that a step left unfinished. */
  unfinished(): string[] {
    if (!existsSync(this.cache)) return [];
    return readdirSync(this.cache, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('partial'));
  }

  [Symbol.dispose](): void {
    for (const folder of [this.folder, this.wheels]) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function which(tool: string): string {
  for (const folder of (process.env.PATH ?? '').split(':')) if (folder !== '' && existsSync(join(folder, tool))) return join(folder, tool);
  return '';
}
