/** Operators under load, on a real control plane without nodes: how soon a gang's objects are there, what a gang costs, how soon a lost
 *  gang is back. Everything is timed by one watcher; requests are counted by the API server's audit log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resource, type Client, type KubeObject } from 'kopf-ts';
import { kubernetes } from '../../e2e/cluster/binaries.ts';
import { requests } from './audit.ts';
import { ControlPlane } from './control-plane.ts';
import { Observer } from './observer.ts';
import type { Measured } from './process.ts';
import { quantileOf, scrape } from './scrape.ts';
import { NAMESPACE, srdit, WORKERS, type Subject } from './subject.ts';

export interface OperatorBenchOptions {
  /** Gangs at once. */
  readonly gangs: number;
  /** Peers that are measured after ours, each on a control plane of its own. */
  readonly peers: readonly ('jobset' | 'kopf')[];
  readonly log: (line: string) => void;
}

/** From one gang to the next, when they do not all come at once. */
const STEADY_MILLISECONDS = 100;

const pods = resource<KubeObject>('v1', 'Pod', 'pods');
const crds = resource<KubeObject>('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', { namespaced: false });

const quantile = (values: readonly number[], q: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? NaN;
const spread = (values: readonly number[]) => ({ p50: Math.round(quantile(values, 0.5)), p99: Math.round(quantile(values, 0.99)) });

/** Measures srdit-operator, and peers beside it. Rates depend on the machine and on what else it does; CPU time, memory and requests hardly. */
export async function benchOperator({ gangs, peers, log }: OperatorBenchOptions): Promise<object> {
  const binary = await kubernetes();
  const ours = await measure(binary, srdit, gangs, log);
  const theirs: Record<string, unknown> = {};
  for (const peer of peers) {
    const subject = peer === 'kopf' ? (await import('./peers/kopf.ts')).kopf : (await import('./peers/jobset.ts')).jobset;
    const measured = await measure(binary, subject, gangs, log);
    theirs[peer] = { ...measured, ratio: ratios(ours, measured) };
  }
  return { ...ours, ...theirs };
}

interface Figures {
  readonly lone: { readonly jobMilliseconds: { readonly p50: number } };
  readonly many: { readonly gangsPerSecond: number; readonly cpuMillisecondsPerGang: number; readonly peakRss: number; readonly requestsPerGang: number };
  readonly restart: { readonly exitedMilliseconds: { readonly p50: number } };
}

/** Ours over the peer's. */
const ratios = (ours: Figures, peer: Figures) => ({
  loneJob: ours.lone.jobMilliseconds.p50 / peer.lone.jobMilliseconds.p50, gangsPerSecond: ours.many.gangsPerSecond / peer.many.gangsPerSecond,
  cpuPerGang: ours.many.cpuMillisecondsPerGang / peer.many.cpuMillisecondsPerGang, peakMemory: ours.many.peakRss / peer.many.peakRss, requestsPerGang: ours.many.requestsPerGang / peer.many.requestsPerGang,
  exited: ours.restart.exitedMilliseconds.p50 / peer.restart.exitedMilliseconds.p50,
});

async function measure(binary: string, subject: Subject, gangs: number, log: (line: string) => void): Promise<Figures> {
  await using plane = await ControlPlane.start(binary);
  await plane.allow([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { nonResourceURLs: ['/metrics'], verbs: ['get'] }]);
  const client = await plane.client();
  for (const crd of await subject.crds()) await client.create(crds, crd);
  await established(client, subject);
  const observer = new Observer(client, subject.gangs);
  await observer.synced();
  let operator = await subject.start(plane);
  const make = (name: string): Promise<unknown> => client.create(subject.gangs, subject.manifest(name));
  const served = (name: string): boolean => observer.of(name).service !== undefined && observer.of(name).job !== undefined && observer.of(name).pods.length >= WORKERS;
  /** Milliseconds from the first sight of the gang to its Job, or its Service. */
  const delay = (name: string, child: 'job' | 'service' = 'job'): number => (observer.of(name)[child] ?? NaN) - (observer.of(name).created ?? NaN);
  const tell = (what: string, value: unknown): void => { log(`${subject.name}: ${what} ${JSON.stringify(value)}`); };
  try {
    await make('warm');
    await until(() => served('warm'), 120, 'the first gang');
    await sleep(2000);
    const lone: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      await make(`lone-${index}`);
      await until(() => served(`lone-${index}`), 60, `gang lone-${index}`);
      lone.push(delay(`lone-${index}`));
    }
    tell('lone gangs, ms', spread(lone));

    const metrics = subject.metrics?.(plane);
    /** Runs it; how long reconciliations took and how late the event loop was meanwhile, if it tells. */
    const told = async (run: () => Promise<void>): Promise<object> => {
      const before = metrics === undefined ? undefined : await scrape(metrics);
      await run();
      if (metrics === undefined || before === undefined) return {};
      const { lag, reconciled } = await scrape(metrics);
      return { ...(!Number.isNaN(lag) && { eventLoopLagP99Milliseconds: 1000 * lag }), reconcileP99Milliseconds: 1000 * quantileOf(reconciled, 0.99, before.reconciled) };
    };
    const steadily = Array.from({ length: Math.min(gangs, 100) }, (_, index) => `steady-${index}`);
    const calm = await told(async () => {
      const made = steadily.map(async (name, index) => { await sleep(index * STEADY_MILLISECONDS); await make(name); });
      await Promise.all(made);
      await until(() => steadily.every(served), 120, 'steadily created gangs');
      await quiet(operator);
    });
    const steady = { gangsPerSecond: 1000 / STEADY_MILLISECONDS, jobMilliseconds: spread(steadily.map((name) => delay(name))), ...calm };
    tell('steadily', steady);

    const cpu = operator.cpuSeconds;
    const [began, clock] = [Date.now(), performance.now()];
    const names = Array.from({ length: gangs }, (_, index) => `many-${index}`);
    const left = [...names];
    const flood = await told(async () => {
      await Promise.all(Array.from({ length: 16 }, async () => { for (let name = left.shift(); name !== undefined; name = left.shift()) await make(name); }));
      await until(() => names.every(served), 120 + gangs, `${gangs} gangs`);
      await quiet(operator);
    });
    const rate = (at: (name: string) => number): number => gangs / ((Math.max(...names.map(at)) - clock) / 1000);
    const used = operator.cpuSeconds - cpu;
    // The audit log is written in batches.
    await sleep(2500);
    const asked = await requests(plane.auditLog, began, Date.now());
    tell(`${gangs} gangs`, Object.fromEntries(asked));
    const many = {
      gangs, workers: WORKERS, gangsPerSecond: rate((name) => observer.of(name).job ?? NaN), gangsPerSecondWithPods: rate((name) => observer.of(name).pods[WORKERS - 1]?.at ?? NaN),
      jobMilliseconds: spread(names.map((name) => delay(name))), serviceMilliseconds: spread(names.map((name) => delay(name, 'service'))),
      cpuMillisecondsPerGang: (used * 1000) / gangs, peakRss: operator.peakRss,
      requestsPerGang: [...asked].filter(([name]) => !name.includes('events')).reduce((sum, [, count]) => sum + count, 0) / gangs, ...flood,
    };

    const lost = (gang: number, exitCode: number): Promise<number> => lose(client, observer, subject, `many-${gang}`, exitCode);
    const alone: number[] = [];
    for (let gang = 0; gang < 3; gang += 1) alone.push(await lost(gang, 1));
    const restart = {
      exitedMilliseconds: spread(alone),
      ...(subject === srdit && { killedMilliseconds: Math.round(await lost(3, 137)) }),
      ...(gangs >= 30 && { together20Milliseconds: spread(await Promise.all(Array.from({ length: 20 }, (_, index) => lost(10 + index, 1)))) }),
    };
    tell('a lost pod, ms', restart);

    // What the last restarts have left to the garbage collector is not the next process's to wait for.
    await quiet(operator);
    await sleep(5000);
    await operator.kill();
    const [again, killed] = [performance.now(), Date.now()];
    operator = await subject.start(plane);
    await make('again');
    await until(() => served('again'), 120, 'a gang after the operator was killed');
    await quiet(operator);
    await sleep(2500);
    const resync = { firstGangMilliseconds: Math.round((observer.of('again').job ?? NaN) - again), requests: [...await requests(plane.auditLog, killed, Date.now())].reduce((sum, [, count]) => sum + count, 0), cpuSeconds: operator.cpuSeconds };
    const figures = { lone: { jobMilliseconds: spread(lone) }, steady, many, restart, resync };
    return figures;
  } catch (error) {
    log(readFileSync(join(plane.folder, 'operator.log'), 'utf8').trim().split('\n').slice(-10).join('\n'));
    throw error;
  } finally {
    await operator.kill();
    observer.stop();
    await client.close();
  }
}

async function until(holds: () => boolean, seconds: number, what: string): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Cannot measure: ${what} did not happen within ${seconds} s`);
    await sleep(5);
  }
}

/** The API server serves a new kind only after a moment. */
async function established(client: Client, { gangs }: Subject): Promise<void> {
  for (let tried = 0; ; tried += 1) {
    try {
      await client.listAll(gangs);
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
async function lose(client: Client, observer: Observer, { container }: Subject, gang: string, exitCode: number): Promise<number> {
  const { pods: seen } = observer.of(gang);
  const before = seen.length;
  const victim = seen.at(-1)?.name ?? '';
  const began = performance.now();
  await client.merge(pods, { namespace: NAMESPACE, name: victim }, {
    status: { phase: 'Failed', containerStatuses: [{ name: container, image: 'none', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode } } }] },
  }, { subresource: 'status' });
  await until(() => seen.length >= before + WORKERS, 120, `the next attempt of ${gang}`);
  return (seen[before + WORKERS - 1]?.at ?? NaN) - began;
}
