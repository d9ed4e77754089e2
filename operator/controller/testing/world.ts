/** A fake API server with its kubelets and operators that can be killed, all by one clock and one seed. */
import type { EvaluationResult } from '@srdit/crds';
import { Client, Operator, nullLogger, leases, resource, type Clock, type KubeObject, type OperatorOptions, type ResourceName, type Transport } from 'kopf-ts';
import { FakeApiServer, FakeClock, inProcess, seeded } from 'kopf-ts/testing';
import { DEFAULT_OPTIONS, type Status } from '../../plan/types.ts';
import { evaluation, training } from '../../plan/testing/resources.ts';
import { toldBy } from '../../plan/testing/told.ts';
import { addGangs, type Gangs, type GangsOptions } from '../gangs.ts';
import { evaluations, events, jobs, networkPolicies, pods, services, trainings, type CustomObject } from '../kubernetes.ts';
import { jobMessage, podMessage } from '../messages.ts';
import { statusOf } from '../parsed.ts';
import { Kubelets, type Life, type Worker } from './kubelets.ts';
import { Law } from './law.ts';
import { Mortal } from './mortal.ts';

export const NAMESPACE = 'lab';
/** What the fake API servers of these tests serve. */
export const RESOURCES: readonly ResourceName[] = [trainings, evaluations, pods, jobs, services, networkPolicies, events, leases, resource('v1', 'Namespace', 'namespaces', { namespaced: false })];
/** And in which forms. */
export const SERVED = { resources: RESOURCES, messages: { 'pods': podMessage, 'jobs.batch': jobMessage } };

export interface Running { readonly process: Mortal; readonly operator: Operator; readonly gangs: Gangs; readonly ended: Promise<unknown>; stop(): Promise<void> }

/** The clock and the network as the process sees them. */
export interface Wrapping { readonly wrap?: (transport: Transport) => Transport; readonly clock?: (clock: Clock) => Clock }

export class World {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly server: FakeApiServer;
  readonly kubelets: Kubelets;
  readonly law: Law;
  readonly #seed: number;
  #started = 0;

  constructor({ seed = 1, life = () => ({ after: 60_000, exitCode: 0 }) }: { seed?: number; life?: (worker: Worker) => Life } = {}) {
    this.#seed = seed;
    this.server = new FakeApiServer({ ...SERVED, clock: this.clock, random: seeded(seed + 1) });
    this.kubelets = new Kubelets(this.server, { clock: this.clock, random: seeded(seed + 2), life });
    this.law = new Law(this.server);
  }

  /** A new operator process. */
  start({ wrap = (transport) => transport, clock = (same) => same, gangs = {}, ...options }: Partial<OperatorOptions> & Wrapping & { gangs?: Partial<GangsOptions> } = {}): Running {
    const process = new Mortal(clock(this.clock), this.#withForce(wrap(inProcess(this.server))));
    this.#started += 1;
    const client = new Client(process.transport, { clock: process.clock, random: seeded(this.#seed * 1000 + this.#started) });
    const operator = new Operator(client, { name: 'srdit-operator', leaderElection: false, log: nullLogger, ...options });
    const added = addGangs(operator, { plan: DEFAULT_OPTIONS, ...gangs });
    const stop = new AbortController();
    const ended = operator.run(stop.signal).catch((error: unknown) => error);
    return {
      process, operator, gangs: added, ended,
      stop: async () => {
        stop.abort();
        let over = false;
        void ended.then(() => { over = true; });
        await this.clock.until(() => over);
      },
    };
  }

  /** What a user or another controller creates. */
  make(of: ResourceName, manifest: object): void { this.server.create(of, manifest as KubeObject); }

  train(name: string, spec: Record<string, unknown> = {}): void {
    this.make(trainings, { metadata: { name, namespace: NAMESPACE }, spec: training({ ...spec, storage: { uri: `file:///runs/${name}` } }).spec });
  }

  /** A training that another controller manages: what its status says is the test's affair. */
  trainElsewhere(name: string): void { this.train(name, { checkpoints: { everySteps: 20 }, managedBy: 'example.com/other' }); }

  /** The training has written checkpoints up to that of this step, one each 20 steps. */
  checkpoints(name: string, state: NonNullable<Status['state']>, step: number): void {
    const newest = Array.from({ length: Math.min(5, step / 20) }, (_, back) => step - 20 * back)
      .map((at) => ({ step: at, uri: `file:///runs/${name}/attempts/1/checkpoints/${String(at).padStart(9, '0')}`, bytes: 1, digest: 'sha256:0' }));
    this.server.patch(trainings, `${NAMESPACE}/${name}`, { status: { state, checkpoints: { last: newest[0], newest } } }, 'status');
  }

  /** What a gang of an evaluation says in the end of the checkpoint that it was told to measure. */
  resultOf(name: string, attempt: number): EvaluationResult {
    const told = toldBy(this.server.find(jobs, `${NAMESPACE}/${name}-eval-${attempt}`));
    const checkpointUri = told.kind === 'SRDiTEvaluation' ? told.checkpointUri : '';
    const step = Number(checkpointUri.split('/').at(-1));
    return { checkpoint: checkpointUri, step, count: 64, features: 'pixels 8x8', frechetDistance: 1000 / step };
  }

  evaluate(name: string, spec: Record<string, unknown> = {}): void {
    this.make(evaluations, { metadata: { name, namespace: NAMESPACE }, spec: evaluation({ ...spec, storage: { uri: `file:///runs/${name}` } }).spec });
  }

  status(name: string, of = trainings): Status {
    const object = this.server.find(of, `${NAMESPACE}/${name}`);
    return object === undefined ? {} : statusOf(object) ?? {};
  }

  /** Reason of a condition that is true, or of Running whatever it is. */
  reason(name: string, type = 'Running'): string | undefined {
    return this.status(name).conditions?.find((condition) => condition.type === type && (type === 'Running' || condition.status === 'True'))?.reason;
  }

  /** Moves the clock until the training says so. */
  async reaches(name: string, state: NonNullable<Status['state']>, of = trainings): Promise<void> {
    await this.clock.until(() => this.status(name, of).state === state, 3_600_000).catch((error: unknown) => {
      throw new Error(`${name} does not get to ${state}; it is ${JSON.stringify(this.status(name, of))}`, { cause: error });
    });
  }

  /** "Reason: note" of the events of an object, in order. */
  told(name: string): string[] {
    return this.server.list(events).filter((event) => (event as { regarding?: { name?: string } }).regarding?.name === name)
      .map((event) => `${String((event as { reason?: unknown }).reason)}: ${event.note ?? ''}`);
  }

  patch(name: string, spec: object, of = trainings): CustomObject { return this.server.patch(of, `${NAMESPACE}/${name}`, { spec }); }

  /** The fake server knows no grace periods: a deletion by force is ours to carry out. */
  #withForce(transport: Transport): Transport {
    return {
      ...transport,
      send: async (request) => {
        const response = await transport.send(request);
        const name = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/?]+)/.exec(request.path);
        if (request.method === 'DELETE' && name !== null && /"gracePeriodSeconds":0\b/.test(request.body ?? '')) this.kubelets.forced(`${name[1] ?? ''}/${name[2] ?? ''}`);
        return response;
      },
    };
  }
}
