/** A real Kubernetes on this machine: etcd, API server, controllers, scheduler, kubelets with containerd, DNS. It lives in namespaces of its own
 *  (machine.sh), up to ten side by side, and ends with the process that started it, however that ends. */
import { spawn } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubernetes } from './binaries.ts';
import { attempt, command, type CommandOptions, type CommandResult } from './command.ts';
import { MissingPart } from './missing-part.ts';
import { bringPackages, checkMachine, cniFolder } from './requirements.ts';

export interface ClusterOptions {
  /** 0 = the control plane alone: enough for what runs no pods. Default 0. */
  readonly nodes?: number;
  /** nvidia.com/gpu that each node claims to have. */
  readonly gpus?: number;
  /** OCI layout tars that every node gets. The first pods need srdit.test/pause:1 among them. */
  readonly images?: readonly string[];
  /** Which of the ten; default the first that is free. One that is up already is healed and taken over. */
  readonly index?: number;
  /** Leave it running when this process ends; for people at a terminal. */
  readonly keep?: boolean;
}

const CLUSTERS = 10;
const HERE = import.meta.dirname;
const OWN_PATH = '/e2e/cluster/machine.sh';
const MACHINE = join(HERE, 'machine.sh');
/** Exit code of machine.sh. */
const LOCKED = 199;

/** Of the link, of the cgroups and of the folder. */
const nameOf = (index: number): string => `srdit-e2e-${index}`;

/** A machine that is up, whichever checkout has made it. */
interface Machine {
  readonly index: number;
  /** Its first process. */
  readonly init: number;
  readonly run: string;
  /** It ends with the process that started it, which has not said that it is to be kept. */
  readonly held: boolean;
  readonly checkout: string;
}

export class Cluster implements AsyncDisposable {
  readonly index: number;
  readonly run: string;
  readonly kubeconfig: string;
  /** Address of this machine as pods see it. */
  readonly outside: string;
  /** Path of the binary: its first argument is the program, kubectl for example. */
  readonly binary: string;
  readonly #options: ClusterOptions;
  readonly #init: number;

  constructor({ index, init, run }: Machine, binary: string, options: ClusterOptions) {
    this.index = index;
    this.binary = binary;
    this.run = run;
    this.kubeconfig = join(this.run, 'etc/admin.conf');
    this.outside = `10.250.${index}.254`;
    this.#init = init;
    this.#options = options;
  }

  /** Starts what does not run; gives up.sh's lines. */
  async heal(): Promise<string> {
    const { nodes = 0, gpus, images = [] } = this.#options;
    return this.inside(['bash', join(HERE, 'up.sh')], {
      seconds: 400,
      env: {
        ...process.env, RUN: this.run, K8S: this.binary, NODES: String(nodes), GPUS: gpus === undefined ? '' : String(gpus), SUBNET: `10.250.${this.index}`,
        IMAGES: images.join(' '), CGROUP: nameOf(this.index), CNI: cniFolder(),
      },
    });
  }

  /** Runs a command inside the machine, where 10.244/16 (pods) and 10.96/16 (Services) have routes. */
  inside(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return command('nsenter', ['-t', String(this.#init), '-m', '-p', '-n', ...args], options);
  }

  get environment(): NodeJS.ProcessEnv { return { ...process.env, KUBECONFIG: this.kubeconfig }; }

  kubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return command(this.binary, ['kubectl', ...args], { ...options, env: this.environment });
  }

  /** The same for a kubectl that may fail. */
  tryKubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return attempt(this.binary, ['kubectl', ...args], { ...options, env: this.environment });
  }

  /** `kubectl get -o json`. */
  async get<T = unknown>(...args: string[]): Promise<T> { return JSON.parse(await this.kubectl(['get', '-o', 'json', ...args])) as T; }

  /** Process of a part of the cluster (`etcd`, `kube-apiserver`, `kubelet1`), as this machine numbers it. */
  pid(part: string): number {
    const inner = readFileSync(join(this.run, 'pid', part), 'utf8').trim();
    const namespace = readlinkSync(`/proc/${this.#init}/ns/pid`);
    const found = processes().find((pid) => numbers(pid).at(-1) === inner && numbers(pid).length > 1 && readlinkSync(`/proc/${pid}/ns/pid`) === namespace);
    if (found === undefined) throw new Error(`${part} of cluster ${this.index} does not run`);
    return Number(found);
  }

  /** Processes of the cluster's pods (and all others of the machine) whose command line and environment are as wanted. */
  processes(wanted: (command: string, environment: string) => boolean): number[] {
    return processes().filter((pid) => wanted(ofProcess(pid, 'cmdline'), ofProcess(pid, 'environ')) && isAncestor(this.#init, Number(pid))).map(Number);
  }

  signal(part: string, signal: NodeJS.Signals): void { process.kill(this.pid(part), signal); }

  /** Copies the logs of all parts and pods, and all objects, into a folder. */
  async keepLogs(folder: string): Promise<void> {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(join(this.run, 'log'), join(folder, 'parts'), { recursive: true });
    for (let node = 1; node <= (this.#options.nodes ?? 0); node += 1) {
      const pods = join(this.run, `node${node}`, 'podlogs');
      if (existsSync(pods)) cpSync(pods, join(folder, 'pods', `node${node}`), { recursive: true });
    }
    const kinds = 'nodes,pods,jobs,services,events,leases,deployments,srdittrainings,srditevaluations';
    const objects = await this.tryKubectl(['get', kinds, '-A', '-o', 'yaml'], { seconds: 60 });
    writeFileSync(join(folder, 'objects.yaml'), objects.stdout + objects.stderr);
  }

  /** Ends everything at once and waits until it is gone. */
  async stop(): Promise<void> {
    try {
      process.kill(this.#init, 'SIGKILL');
    } catch { /* it has ended */ }
    // Removing gigabytes of images takes its time on a busy disk.
    await command('flock', [`${this.run}.lock`, 'true'], { seconds: 300 });
  }

  [Symbol.asyncDispose](): Promise<void> { return this.stop(); }
}

/** Brings a cluster up, and before it whatever this machine lacks.
 *  @throws MissingPart where it lacks what nobody can bring */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  await checkMachine();
  await bringPackages();
  const binary = await kubernetes();
  const cluster = new Cluster(await machine(options), binary, options);
  try {
    await cluster.heal();
  } catch (error) {
    await cluster.keepLogs(join(process.cwd(), '.srdit/e2e/up')).catch(() => {});
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** Ends the cluster of that number, whichever checkout has kept it; false if it is not up.
 *  @throws MissingPart for one that is at work */
export async function stopCluster(index: number): Promise<boolean> {
  const there = machineOf(index);
  if (there !== undefined) await new Cluster(mine(there), '', {}).stop();
  return there !== undefined;
}

/** A machine of its own: the first free one, or the one asked for even if it is up. */
async function machine({ index: wanted, keep = false }: ClusterOptions): Promise<Machine> {
  for (let index = wanted ?? 0; index < (wanted === undefined ? CLUSTERS : wanted + 1); index += 1) {
    const there = machineOf(index);
    const made = there === undefined ? await startMachine(index, keep) : wanted === undefined ? undefined : mine(there);
    if (made !== undefined) return made;
  }
  throw new Error(wanted === undefined
    ? `All ${CLUSTERS} clusters of this machine are in use. Wait until one has ended, or end one that was kept: ./srdit e2e down --index 0`
    : `Cluster ${wanted} is just starting or ending. Run the command again`);
}

/** One that was kept is everybody's.
 *  @throws MissingPart for one that somebody works with */
function mine(machine: Machine): Machine {
  if (machine.held) throw new MissingPart(`Cluster ${machine.index} belongs to scenarios or a bench that "${machine.checkout}" is running, and ends with them`, `Wait, or take another: --index ${(machine.index + 1) % CLUSTERS}`);
  return machine;
}

/** undefined if somebody else holds it. */
async function startMachine(index: number, keep: boolean): Promise<Machine | undefined> {
  const run = join(tmpdir(), nameOf(index));
  const log = openSync(`${run}.log`, 'w');
  // In a group of its own: who kills ours leaves it the time to clean up.
  const child = spawn('bash', [MACHINE, 'outside', run, keep ? 'open' : 'pipe', nameOf(index)], { stdio: [keep ? 'ignore' : 'pipe', log, log], detached: true });
  closeSync(log);
  let ended: number | undefined;
  child.once('exit', (code) => { ended = code ?? 137; });
  // Neither the process nor the pipe that holds it keeps this one alive.
  child.unref();
  (child.stdin as Socket | null)?.unref();
  for (let waited = 0; waited < 500 && ended === undefined; waited += 1) {
    const made = machineOf(index);
    if (made !== undefined && existsSync(join(run, 'machine')) && isAncestor(child.pid, made.init)) {
      await uplink(made);
      return made;
    }
    await sleep(20);
  }
  if (ended === LOCKED) return undefined;
  throw new Error(`Cannot make a machine for cluster ${index}: ${ended === undefined ? 'it is not ready after 10 s' : `machine.sh ended with ${ended}`}. ${readFileSync(`${run}.log`, 'utf8').trim()}`);
}

/** Reads /proc/PID/NAME; empty for a process that is gone. */
function ofProcess(pid: number | string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

const processes = (): string[] => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
/** Numbers of a process, from our namespace to its own. */
const numbers = (pid: string): string[] => /^NSpid:\s+(.*)$/m.exec(ofProcess(pid, 'status'))?.[1]?.split(/\s+/) ?? [];
const isAncestor = (pid: number | undefined, of: number): boolean => {
  for (let parent = of; parent > 1; parent = Number(/^PPid:\s+(\d+)$/m.exec(ofProcess(parent, 'status'))?.[1] ?? 0)) if (parent === pid) return true;
  return false;
};

/** The machine with that index, if it is up: its first process tells all of it. */
function machineOf(index: number): Machine | undefined {
  for (const pid of processes()) {
    const [, script = '', where, run = '', held] = ofProcess(pid, 'cmdline').split('\0');
    if (where !== 'inside' || !script.endsWith(OWN_PATH) || basename(run) !== nameOf(index) || numbers(pid).at(-1) !== '1') continue;
    return { index, init: Number(pid), run, held: held === 'pipe', checkout: script.slice(0, -OWN_PATH.length) };
  }
  return undefined;
}

/** The one wire between the machine and this one. */
async function uplink({ index, init }: Machine): Promise<void> {
  const outer = nameOf(index);
  await command('ip', ['link', 'add', outer, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', String(init)]);
  await command('ip', ['address', 'add', `10.250.${index}.254/24`, 'dev', outer]);
  await command('ip', ['link', 'set', outer, 'up']);
  const inside = (...args: string[]): Promise<string> => command('nsenter', ['-t', String(init), '-n', 'ip', ...args]);
  await inside('link', 'set', 'uplink', 'up');
  await inside('address', 'replace', `10.250.${index}.1/24`, 'dev', 'uplink');
}
