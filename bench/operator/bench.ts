/** The operator under load, on a real control plane without nodes: how soon a gang's objects are there, what a gang costs, how soon a lost
 *  gang is back. Everything is timed by one watcher; requests are counted by the API server's audit log. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { resource, type Client, type KubeObject } from 'kopf-ts';
import { parseResource } from '@srdit/crds';
import { kubernetes } from '../../e2e/cluster/binaries.ts';
import { requests } from './audit.ts';
import { AUDITED, ControlPlane } from './control-plane.ts';
import { Observer } from './observer.ts';
import { Measured } from './process.ts';
import { lagOf, reconcileP99 } from './scrape.ts';

export interface OperatorBenchOptions {
  /** Gangs at once. */
  readonly gangs: number;
  readonly log: (line: string) => void;
}

const ROOT = join(import.meta.dirname, '../..');
const NAMESPACE = 'default';
const WORKERS = 8;
const METRICS_PORT = 18_080;
const trainings = resource<KubeObject>('srdit.dev/v1alpha1', 'SRDiTTraining', 'srdittrainings');
const pods = resource<KubeObject>('v1', 'Pod', 'pods');
const crds = resource<KubeObject>('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', { namespaced: false });

const manifest = (name: string): KubeObject => parseResource({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name, namespace: NAMESPACE },
  spec: {
    model: { preset: 'SiT-B/1' }, batchSize: 64, steps: 1000, data: { uri: 'file:///data/packed' }, storage: { uri: `file:///runs/${name}` }, image: 'none',
    gang: { workers: WORKERS, maxRestarts: 10, backoffSeconds: 0, gpu: { perRank: 0 } },
  },
}) as KubeObject;

const quantile = (values: readonly number[], q: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? NaN;
const spread = (values: readonly number[]) => ({ p50: Math.round(quantile(values, 0.5)), p99: Math.round(quantile(values, 0.99)) });

async function until(holds: () => boolean, seconds: number, what: string): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Cannot measure: ${what} did not happen within ${seconds} s`);
    await sleep(5);
  }
}

/** Measures srdit-operator. Rates depend on the machine; CPU, memory and requests hardly. */
export async function benchOperator({ gangs, log }: OperatorBenchOptions): Promise<object> {
  await using plane = await ControlPlane.start(await kubernetes());
  await plane.allow([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]);
  log('control plane is up');
  const client = await plane.client();
  for (const file of readdirSync(join(ROOT, 'crds/generated'))) await client.create(crds, parse(readFileSync(join(ROOT, 'crds/generated', file), 'utf8')) as KubeObject);
  await established(client);
  const observer = new Observer(client, {
    gangs: trainings, labelSelector: 'app.kubernetes.io/managed-by=srdit', gangOf: ({ metadata: { labels } }) => labels?.['app.kubernetes.io/instance'],
  });
  await observer.synced();
  const start = (): Measured => new Measured([process.execPath, join(ROOT, 'operator/controller/main.ts')], {
    KUBECONFIG: plane.kubeconfig(AUDITED), SRDIT_METRICS_PORT: String(METRICS_PORT), SRDIT_PROBE_PORT: String(METRICS_PORT + 1), SRDIT_LEASE: '', SRDIT_NAMESPACES: '',
  }, join(plane.folder, 'operator.log'));
  const train = (name: string): Promise<unknown> => client.create(trainings, manifest(name));
  const served = (name: string): boolean => observer.of(name).service !== undefined && observer.of(name).job !== undefined && observer.of(name).pods.length >= WORKERS;
  /** Milliseconds from the first sight of the gang to its Job. */
  const delay = (name: string): number => (observer.of(name).job ?? NaN) - (observer.of(name).created ?? NaN);

  let operator = start();
  try {
    await train('warm');
    await until(() => served('warm'), 120, 'the first gang');
    await sleep(2000);
    const lone: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      await train(`lone-${index}`);
      await until(() => served(`lone-${index}`), 60, `gang lone-${index}`);
      lone.push(delay(`lone-${index}`));
    }
    log(`lone gangs: ${JSON.stringify(spread(lone))} ms`);

    await lagOf(METRICS_PORT);
    const cpu = operator.cpuSeconds;
    const [began, clock] = [Date.now(), performance.now()];
    const names = Array.from({ length: gangs }, (_, index) => `many-${index}`);
    const left = [...names];
    await Promise.all(Array.from({ length: 16 }, async () => { for (let name = left.shift(); name !== undefined; name = left.shift()) await train(name); }));
    await until(() => names.every(served), 120 + gangs, `${gangs} gangs`);
    const rate = (at: (name: string) => number): number => gangs / ((Math.max(...names.map(at)) - clock) / 1000);
    await quiet(operator);
    const used = operator.cpuSeconds - cpu;
    const lag = await lagOf(METRICS_PORT);
    // The audit log is written in batches.
    await sleep(2500);
    const asked = await requests(plane.auditLog, began, Date.now());
    log(`${gangs} gangs: ${JSON.stringify(Object.fromEntries(asked))}`);
    const measured = {
      lone: { jobMilliseconds: spread(lone) },
      many: {
        gangs, workers: WORKERS, gangsPerSecond: rate((name) => observer.of(name).job ?? NaN), gangsPerSecondWithPods: rate((name) => observer.of(name).pods[WORKERS - 1]?.at ?? NaN),
        jobMilliseconds: spread(names.map(delay)), serviceMilliseconds: spread(names.map((name) => (observer.of(name).service ?? NaN) - (observer.of(name).created ?? NaN))),
        cpuMillisecondsPerGang: (used * 1000) / gangs, peakRss: operator.peakRss, eventLoopLagP99Milliseconds: lag, reconcileP99Milliseconds: await reconcileP99(METRICS_PORT),
        requestsPerGang: [...asked].filter(([name]) => !name.includes('events')).reduce((sum, [, count]) => sum + count, 0) / gangs, eventsPerGang: (asked.get('create events') ?? 0) / gangs,
      },
    };
    const restart = {
      evictedMilliseconds: spread(await repeat(5, (index) => lose(client, observer, `many-${index}`, { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] }))),
      crashedMilliseconds: spread(await repeat(2, (index) => lose(client, observer, `many-${index + 5}`, {}))),
      together20Milliseconds: gangs < 30 ? undefined : spread(await Promise.all(Array.from({ length: 20 }, (_, index) => lose(client, observer, `many-${index + 10}`, { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] })))),
    };
    log(`a lost pod: ${JSON.stringify(restart)}`);

    await operator.kill();
    const [again, killed] = [performance.now(), Date.now()];
    operator = start();
    await train('again');
    await until(() => served('again'), 120, 'a gang after the operator was killed');
    await quiet(operator);
    await sleep(2500);
    const resync = [...await requests(plane.auditLog, killed, Date.now())];
    return {
      ...measured, restart,
      resync: { firstGangMilliseconds: Math.round((observer.of('again').job ?? NaN) - again), requests: resync.reduce((sum, [, count]) => sum + count, 0), cpuSeconds: operator.cpuSeconds },
    };
  } catch (error) {
    log(readFileSync(join(plane.folder, 'operator.log'), 'utf8').trim().split('\n').slice(-10).join('\n'));
    throw error;
  } finally {
    await operator.kill();
    observer.stop();
    await client.close();
  }
}

/** The API server serves a new kind only after a moment. */
async function established(client: Client): Promise<void> {
  for (let tried = 0; ; tried += 1) {
    try {
      await client.listAll(trainings);
      return;
    } catch (error) {
      if (tried > 100) throw error;
      await sleep(200);
    }
  }
}

/** Waits until the process has hardly used any CPU time for two seconds. */
async function quiet(operator: Measured): Promise<void> {
  for (let calm = 0, last = operator.cpuSeconds, looks = 0; calm < 4 && looks < 240; looks += 1) {
    await sleep(500);
    calm = operator.cpuSeconds - last < 0.05 ? calm + 1 : 0;
    last = operator.cpuSeconds;
  }
}

/** Milliseconds from the moment that one pod has failed until all pods of the next attempt are there. */
async function lose(client: Client, observer: Observer, gang: string, status: object): Promise<number> {
  const { pods: seen } = observer.of(gang);
  const before = seen.length;
  const victim = seen.at(-1)?.name ?? '';
  const began = performance.now();
  await client.merge(pods, { namespace: NAMESPACE, name: victim }, {
    status: { phase: 'Failed', containerStatuses: [{ name: 'runtime', image: 'none', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 137 } } }], ...status },
  }, { subresource: 'status' });
  await until(() => seen.length >= before + WORKERS, 60, `the next attempt of ${gang}`);
  return (seen.at(-1)?.at ?? NaN) - began;
}

async function repeat<T>(times: number, run: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < times; index += 1) results.push(await run(index));
  return results;
}
