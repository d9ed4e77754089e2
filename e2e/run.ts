/** One go over scenarios: brings up what they need, gives each its namespace, keeps the logs of those that fail, takes all down. */
import { appendFileSync, chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bringEmulator, startEmulator, type Emulator } from '@srdit/runtime/storage/testing/emulator.ts';
import { helm } from './cluster/binaries.ts';
import { startCluster, type Cluster } from './cluster/cluster.ts';
import { attempt, type CommandResult } from './cluster/command.ts';
import { MissingPart } from './cluster/missing-part.ts';
import { contractRankImage, projectImage, REGISTRY, toolImages } from './images.ts';
import { StatusRecorder } from './health/recorded.ts';
import type { Need, Scenario, World } from './scenario.ts';

const ROOT = dirname(import.meta.dirname);
const KEPT = join(ROOT, '.srdit/e2e');
export const CHART = join(ROOT, 'charts/srdit');
export const CAUSE_WINDOW_SECONDS = 3;
/** Short waits, so that scenarios are. */
export const OPERATOR_VALUES = ['crds.install=false', `image.registry=${REGISTRY}`, `runtime.image.registry=${REGISTRY}`, 'forceAfterSeconds=5', `causeWindowSeconds=${CAUSE_WINDOW_SECONDS}`, 'progressSeconds=1']
  .flatMap((value) => ['--set', value]);

/** How many scenarios go on at a time; each waits more than it works. */
export const SIDE_BY_SIDE = 3;

export interface Named { readonly name: string; readonly scenario: Scenario }

/** The scenarios whose file name contains one of the words; all without words. In the order of their files. */
export async function scenarios(words: readonly string[] = []): Promise<Named[]> {
  const folder = join(import.meta.dirname, 'scenarios');
  const names = readdirSync(folder).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3)).sort()
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  return Promise.all(names.map(async (name) => ({ name, scenario: ((await import(join(folder, `${name}.ts`))) as { default: Scenario }).default })));
}

export class Run implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly images: readonly string[];
  /** What scenarios have measured, a line each, by their names. */
  readonly told = new Map<string, readonly string[]>();
  /** Of every training and evaluation from the beginning. */
  readonly recorder: StatusRecorder;
  readonly #helm: string | undefined;
  #emulator: Emulator | undefined;
  #failed = false;

  private constructor(cluster: Cluster, helmPath: string | undefined, images: readonly string[]) {
    this.cluster = cluster;
    this.#helm = helmPath;
    this.images = images;
    this.recorder = new StatusRecorder(cluster);
  }

  /** Two nodes with four GPUs each, and the images and CustomResourceDefinitions that the scenarios need.
   *  @throws MissingPart where this machine cannot */
  static async start(wanted: readonly Named[]): Promise<Run> {
    const needs = new Set<Need>(wanted.flatMap(({ scenario }) => scenario.needs ?? []));
    const images = [
      ...await toolImages(),
      ...(needs.has('contract-rank') ? [await contractRankImage()] : []),
      ...(needs.has('runtime') ? [await projectImage('runtime-cpu')] : []),
      ...(needs.has('operator') ? [await projectImage('operator')] : []),
    ];
    const helmPath = needs.has('helm') || needs.has('operator') ? await helm() : undefined;
    const store = needs.has('bucket') ? await bringEmulator() : undefined;
    if (store?.missing !== undefined) throw new MissingPart(store.missing, 'Bring it by hand or run the other scenarios by their names');
    const cluster = await startCluster({ nodes: 2, gpus: 4, images });
    const run = new Run(cluster, helmPath, images);
    try {
      if (store?.program !== undefined) {
        const folder = join(cluster.run, 'buckets');
        mkdirSync(folder);
        run.#emulator = await startEmulator(store.program, folder);
      }
      await cluster.kubectl(['apply', '--server-side', '-f', join(ROOT, 'crds/generated')]);
      await cluster.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
      if (needs.has('operator')) await run.installOperator();
    } catch (error) {
      run.#failed = true;
      await run.stop();
      throw error;
    }
    return run;
  }

  /** The object store of all scenarios. Pods reach it through a Bucket. */
  get emulator(): Emulator {
    if (this.#emulator === undefined) throw new Error('No object store was started: name bucket among what the scenario needs');
    return this.#emulator;
  }

  /** helm with the cluster's kubeconfig. */
  async helm(args: readonly string[]): Promise<CommandResult> {
    if (this.#helm === undefined) throw new Error('Helm was not built: name helm among what the scenario needs');
    return attempt(this.#helm, args, { env: this.cluster.environment, seconds: 300 });
  }

  /** The chart, for all namespaces; the CustomResourceDefinitions are there already. */
  async installOperator(...more: string[]): Promise<void> {
    const { code, stderr } = await this.helm(['upgrade', '--install', 'srdit', CHART, '--namespace', 'srdit-system', '--create-namespace', '--wait', '--timeout', '180s', ...OPERATOR_VALUES, ...more]);
    if (code !== 0) throw new Error(`helm install ended with ${code}: ${stderr}`);
  }

  /** Runs a scenario in a namespace of its own; what is left of it goes with the cluster. */
  async scenario({ name, scenario }: Named): Promise<void> {
    const started = performance.now();
    const log = join(KEPT, name, 'scenario.log');
    rmSync(dirname(log), { recursive: true, force: true });
    mkdirSync(dirname(log), { recursive: true });
    const note = (text: string): void => { appendFileSync(log, `${((performance.now() - started) / 1000).toFixed(1)} s  ${text}\n`); };
    try {
      await scenario.run(await this.#world(name, note));
      rmSync(dirname(log), { recursive: true, force: true });
    } catch (error) {
      this.#failed = true;
      note(error instanceof Error ? error.stack ?? error.message : String(error));
      await this.cluster.keepLogs(join(dirname(log), 'cluster')).catch((problem: unknown) => { note(`Cannot keep the logs: ${String(problem)}`); });
      // What it broke, and what it left running, is not to be the next one's trouble.
      if (scenario.alone === true) await this.cluster.heal().catch((problem: unknown) => { note(`Cannot heal the cluster: ${String(problem)}`); });
      await this.cluster.tryKubectl(['delete', 'srdit', '--all', '-n', `e2e-${name}`, '--wait=false']);
      if (error instanceof Error) error.message += `\nLogs: ${dirname(log)}`;
      throw error;
    }
  }

  async #world(name: string, note: (text: string) => void): Promise<World> {
    const { cluster } = this;
    const namespace = `e2e-${name}`;
    const data = join(cluster.run, 'data', name);
    mkdirSync(data, { recursive: true });
    // Pods are nobody in particular.
    chmodSync(data, 0o777);
    const apply = async (objects: readonly (object | string)[], where: readonly string[]): Promise<string> => cluster.kubectl(['apply', '--server-side', ...where, '-f', '-'],
      { input: objects.map((object) => (typeof object === 'string' ? object : JSON.stringify(object))).join('\n---\n') });
    await apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
      {
        apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: namespace },
        spec: { capacity: { storage: '10Gi' }, accessModes: ['ReadWriteMany'], storageClassName: '', claimRef: { namespace, name: 'data' }, hostPath: { path: data } },
      },
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace }, spec: { accessModes: ['ReadWriteMany'], storageClassName: '', volumeName: namespace, resources: { requests: { storage: '10Gi' } } } },
    ], []);
    return {
      cluster, namespace, data, note, run: this,
      tell: (text) => { this.told.set(name, [...this.told.get(name) ?? [], text]); },
      helm: (...args) => this.helm(args),
      kubectl: (...args) => cluster.kubectl(['-n', namespace, ...args]),
      tryKubectl: (args, options) => cluster.tryKubectl(['-n', namespace, ...args], options),
      apply: (...objects) => apply(objects, ['-n', namespace]),
      get: <T>(...args: string[]) => cluster.get<T>('-n', namespace, ...args),
    };
  }

  async stop(): Promise<void> {
    if (this.#failed) await this.cluster.keepLogs(join(KEPT, 'cluster')).catch(() => {});
    this.recorder[Symbol.dispose]();
    mkdirSync(KEPT, { recursive: true });
    this.recorder.write(join(KEPT, 'statuses.json'));
    await this.#emulator?.[Symbol.asyncDispose]();
    await this.cluster.stop();
  }

  [Symbol.asyncDispose](): Promise<void> { return this.stop(); }
}
