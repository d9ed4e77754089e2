import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '@srdit/runtime/free-ports.ts';
import { leases, systemClock, type KubeObject } from 'kopf-ts';
import { FakeApiServer, listen, seeded } from 'kopf-ts/testing';
import { training } from '../../plan/testing/resources.ts';
import { trainings } from '../kubernetes.ts';
import { Kubelets, type Life, type Worker } from './kubelets.ts';
import { SERVED } from './world.ts';

const MAIN = join(import.meta.dirname, '../main.ts');

/** Resolves when it holds; a test that waits for ever is ended by its time limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await sleep(50);
}

/** srdit-operator as a process, beside an API server whose pods live as they are told: without a word they end well after 0.3 s. */
export class OperatorProcess implements AsyncDisposable {
  readonly server = new FakeApiServer(SERVED);
  readonly kubelets: Kubelets;
  readonly #held = new AsyncDisposableStack();
  #child: ChildProcess | undefined;
  #ended: Promise<unknown[]> | undefined;
  #ports: readonly number[] = [];
  /** What it wrote to standard error: its log. */
  said = '';

  private constructor(life: (worker: Worker) => Life) {
    this.kubelets = new Kubelets(this.server, { clock: systemClock, random: seeded(1), life });
  }

  /** Resolves when it is ready and leads. */
  static async start(environment: NodeJS.ProcessEnv = {}, life: (worker: Worker) => Life = () => ({ after: 300, exitCode: 0 })): Promise<OperatorProcess> {
    const operator = new OperatorProcess(life);
    try {
      await operator.#start(environment);
      return operator;
    } catch (error) {
      await operator[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(environment: NodeJS.ProcessEnv): Promise<void> {
    const folder = this.#held.adopt(mkdtempSync(join(tmpdir(), 'srdit-operator-')), (path) => { rmSync(path, { recursive: true }); });
    const http = this.#held.use(await listen(this.server));
    writeFileSync(join(folder, 'kubeconfig'), JSON.stringify({
      apiVersion: 'v1', kind: 'Config', clusters: [{ name: 'c', cluster: { server: http.url } }], users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'current-context': 'c',
    }));
    this.#ports = await freePorts(2);
    const child = this.#child = spawn(process.execPath, [MAIN], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env, KUBECONFIG: join(folder, 'kubeconfig'), POD_NAMESPACE: 'srdit-system', SRDIT_LEASE: 'srdit', SRDIT_NAMESPACES: '', SRDIT_LOG: 'json',
        SRDIT_METRICS_PORT: String(this.#ports[0]), SRDIT_PROBE_PORT: String(this.#ports[1]), ...environment,
      },
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { this.said += text; });
    this.#ended = once(child, 'exit');
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`The operator ended with ${child.exitCode}: ${this.said}`);
      return await this.#answer('/readyz', this.#ports[1]) === 'ok\n' && this.server.list(leases).length > 0;
    });
  }

  #answer(path: string, port = 0): Promise<string> {
    return fetch(`http://127.0.0.1:${port}${path}`).then((answer) => answer.text(), () => '');
  }

  /** What Prometheus would scrape. */
  metrics(): Promise<string> { return this.#answer('/metrics', this.#ports[0]); }

  /** Creates a training and waits for its end. */
  async train(namespace: string, name: string): Promise<void> {
    const wanted: object = { metadata: { name, namespace }, spec: training().spec };
    this.server.create(trainings, wanted as KubeObject);
    await until(() => (this.server.find(trainings, `${namespace}/${name}`)?.status as { state?: string } | undefined)?.state === 'Complete');
  }

  /** TERM; resolves with its exit code. */
  async stop(): Promise<number | null> {
    this.#child?.kill('SIGTERM');
    return (await this.#ended)?.[0] as number | null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.kill('SIGKILL') === true) await this.#ended;
    await this.#held.disposeAsync();
  }
}
