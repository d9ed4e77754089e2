/** What Kubernetes does around the operator, as much of it as a gang sees: the Job controller makes pods, kubelets run them
 *  by a script, tell how they ended, and let go of them when they are deleted. Over kopf-ts' fake API server. */
import { below, type FakeApiServer } from 'kopf-ts/testing';
import { keyOf, type Clock, type KubeObject, type Random, type Resource } from 'kopf-ts';
import type { LastWord } from '@srdit/crds';
import { ATTEMPT_LABEL } from '../../plan/objects/names.ts';
import { jobs, pods, type Job, type Pod } from '../kubernetes.ts';

/** A worker in the eyes of a script. */
export interface Worker { readonly run: string; readonly attempt: number; readonly worker: number }

/** What a worker does when it runs: it ends after some milliseconds, or runs until it is told to go. */
export type Life =
  | { readonly after: number; readonly exitCode: number; readonly word?: Partial<LastWord> }
  /** Taken away by the cluster. */
  | { readonly after: number; readonly evicted: true }
  | { readonly never: string }
  | 'runs';

interface Template { readonly metadata?: { readonly labels?: Record<string, string> } }
type WholeJob = Job & { readonly spec: { readonly completions: number; readonly template: Template } };

const FINALIZER = 'srdit.test/kubelet';

export class Kubelets {
  readonly #server: FakeApiServer;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #life: (worker: Worker) => Life;
  readonly #address: string;
  /** Names of pods whose node is gone: nobody answers for them. */
  readonly lost = new Set<string>();
  /** The Job controller makes no pods. */
  paused = false;

  constructor(server: FakeApiServer, { clock, random, life, address = '127.0.0.1' }: { clock: Clock; random: Random; life: (worker: Worker) => Life; address?: string }) {
    this.#server = server;
    this.#clock = clock;
    this.#random = random;
    this.#life = life;
    this.#address = address;
    server.database.subscribe(({ resource, type, object, previous }) => {
      if (resource === 'jobs.batch' && type === 'ADDED') this.#later(() => { this.#makePods(object as unknown as WholeJob); });
      if (resource === 'pods' && type === 'ADDED') this.#later(() => { this.#start(object); });
      if (resource === 'pods' && type === 'MODIFIED' && object.metadata.deletionTimestamp !== undefined && previous?.metadata.deletionTimestamp === undefined) this.#terminate(object);
    });
  }

  /** Pods of the attempt that are there. */
  podsOf(run: string, attempt: number): Pod[] {
    return this.#server.list(pods).filter((pod) => worker(pod).run === run && worker(pod).attempt === attempt);
  }

  /** The pod's node dies: its status stays what it was, and it cannot be deleted in order. */
  lose(pod: Pod): void { this.lost.add(pod.metadata.name ?? ''); }

  /** What DELETE with gracePeriodSeconds 0 does: the object goes whatever became of its process. */
  forced(key: string): void {
    const pod = this.#server.find(pods, key);
    if (pod !== undefined) this.#server.patch(pods, key, { metadata: { finalizers: null } });
  }

  /** Ends a worker as the script would. */
  end(pod: Pod, life: Exclude<Life, 'runs' | { never: string }>): void {
    const disrupted = 'evicted' in life;
    const { exitCode, word } = disrupted ? { exitCode: 143, word: undefined } : life;
    if (!this.#set(pod, {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      ...(disrupted && { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }] }),
      containerStatuses: [{ name: 'runtime', state: { terminated: { exitCode, ...(word !== undefined && { message: JSON.stringify({ exitCode, reason: 'Test', message: 'As the script says', rank: 0, ...word }) }) } } }],
    })) return;
    if (exitCode === 0) return;
    // Collectives abort: whoever lost a peer ends, unless it has ended by itself. One that is told to stop takes the others along.
    const left: Life = exitCode === 75 ? { after: 0, exitCode: 75 } : { after: 0, exitCode: 76, word: { lostRank: worker(pod).worker } };
    for (const peer of this.#peers(pod)) this.#later(() => { this.end(peer, left); }, 300);
    // Kube's Job controller notices later than anybody else.
    const job = this.#jobOf(pod);
    if (job !== undefined) this.#later(() => { this.#fail(job); }, 2000);
  }

  #later(then: () => void, least = 5): void { this.#clock.after(least + below(this.#random, 50), then); }

  #makePods(job: WholeJob): void {
    if (this.paused || this.#there(jobs, job) === undefined) return;
    for (let index = 0; index < job.spec.completions; index += 1) {
      const { name = '', namespace = '', uid = '' } = job.metadata;
      const pod: object = {
        metadata: {
          name: `${name}-${index}-${below(this.#random, 1 << 20).toString(36)}`, namespace, finalizers: [FINALIZER],
          labels: { ...job.spec.template.metadata?.labels, 'batch.kubernetes.io/job-completion-index': String(index) },
          ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true, blockOwnerDeletion: true }],
        },
        spec: {},
      };
      this.#server.create(pods, pod as Pod);
    }
  }

  #start(pod: Pod): void {
    const life = this.#life(worker(pod));
    if (typeof life === 'object' && 'never' in life) {
      this.#set(pod, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: life.never }] });
      return;
    }
    this.#set(pod, { phase: 'Pending', containerStatuses: [{ name: 'runtime', state: { waiting: { reason: 'ContainerCreating' } } }] });
    this.#later(() => {
      if (!this.#set(pod, { phase: 'Running', podIP: this.#address, containerStatuses: [{ name: 'runtime', state: { running: {} } }] })) return;
      if (life !== 'runs') this.#later(() => { this.end(pod, life); }, life.after);
    }, 200);
  }

  /** TERM: rank 0 writes a checkpoint, all end at the same step with 75. */
  #terminate(pod: Pod): void {
    this.#later(() => {
      const now = this.#there(pods, pod);
      if (now === undefined || this.lost.has(pod.metadata.name ?? '')) return;
      if (now.status?.phase === 'Running') this.end(pod, { after: 0, exitCode: 75 });
      this.#later(() => { if (this.#there(pods, pod) !== undefined) this.#server.patch(pods, keyOf(pod), { metadata: { finalizers: null } }); });
    }, 1000);
  }

  #fail(job: Job): void {
    if (this.#there(jobs, job) !== undefined) this.#server.patch(jobs, keyOf(job), { status: { conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] } }, 'status');
  }

  /** False if the pod is gone, has ended, or lies on a lost node. */
  #set(pod: Pod, status: NonNullable<Pod['status']>): boolean {
    const phase = this.#there(pods, pod)?.status?.phase;
    if (this.#there(pods, pod) === undefined || phase === 'Failed' || phase === 'Succeeded' || this.lost.has(pod.metadata.name ?? '')) return false;
    this.#server.patch(pods, keyOf(pod), { status }, 'status');
    return true;
  }

  /** The object as it is now, if it is still the same. */
  #there<T extends KubeObject>(resource: Resource<T>, { metadata }: T): T | undefined {
    const now = this.#server.find<T>(resource, keyOf({ metadata }));
    return now?.metadata.uid === metadata.uid ? now : undefined;
  }

  #peers(pod: Pod): Pod[] {
    const owner = pod.metadata.ownerReferences?.[0]?.uid;
    return this.#server.list(pods).filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === owner && metadata.uid !== pod.metadata.uid);
  }

  #jobOf(pod: Pod): Job | undefined {
    const owner = pod.metadata.ownerReferences?.[0]?.uid;
    return this.#server.list(jobs).find(({ metadata }) => metadata.uid === owner);
  }
}

/** The worker that a pod is. */
export function worker({ metadata: { labels } }: KubeObject): Worker {
  return {
    run: labels?.['app.kubernetes.io/instance'] ?? '', attempt: Number(labels?.[ATTEMPT_LABEL]),
    worker: Number(labels?.['batch.kubernetes.io/job-completion-index']),
  };
}
