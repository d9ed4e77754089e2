import { isDeepStrictEqual } from 'node:util';
import { keyOf, nameOf, type InformerView, type KubeObject, type Operator } from 'kopf-ts';
import { HTTP_PORT, UID_LABEL } from '../plan/objects/names.ts';
import type { Gang, Observed, PlanOptions, Waiting } from '../plan/types.ts';
import { Board, type Asked } from './board.ts';
import { gangOf } from './children.ts';
import { Departed } from './departed.ts';
import { evaluations, jobs, networkPolicies, pods, services, trainings, type CustomObject, type Job, type Pod } from './kubernetes.ts';
import { jobMessage, podMessage } from './messages.ts';
import { measure } from './metrics.ts';
import { hasEnded, NoPods } from './no-pods.ts';
import { observedJob, observedPod } from './observe.ts';
import { Parsed, statusOf } from './parsed.ts';
import { reconcileGang, type Hands } from './reconcile.ts';

export interface GangsOptions {
  readonly plan: PlanOptions;
  /** Milliseconds between two looks at a gang's progress; default 10 s. */
  readonly pollEvery?: number;
  /** Where rank 0 answers; default what the plan tells it. */
  readonly progressPort?: number;
}

/** What is remembered beyond the caches: for tests of memory. */
export interface Gangs { readonly remembered: () => number }

/** Gangs that are looked at together. Each mostly waits for the API server, which with half as many is not kept busy when hundreds come at once. */
const AT_A_TIME = 16;

const OURS = 'app.kubernetes.io/managed-by=srdit';
const GANG = 'gang';
const TRAINING = 'training';

/** Names and owners are all that is looked at, */
const withoutAnnotations = <T extends KubeObject>({ apiVersion, kind, metadata: { annotations: _, ...metadata } }: T): T => ({ apiVersion, kind, metadata } as unknown as T);
/** and how it stands. */
const withStatus = <T extends KubeObject & { readonly status?: unknown }>(object: T): T => ({ ...withoutAnnotations(object), status: object.status });

/** Adds the controllers of both kinds, their caches and the questions to rank 0. */
export function addGangs(operator: Operator, { plan, pollEvery = 10_000, progressPort = HTTP_PORT }: GangsOptions): Gangs {
  const { clock } = operator.client;
  const parsed = new Parsed();
  const refused = new Map<string, Waiting>();
  const departed = new Departed();
  const noPods = new NoPods(operator.client, operator.log);
  const jobCache = operator.informer<Job>(jobs, { labelSelector: OURS, fields: jobMessage, transform: withStatus });
  const podCache = operator.informer<Pod>(pods, { labelSelector: OURS, fields: podMessage, transform: withStatus });
  const others = [services, networkPolicies].map((resource) => operator.informer<KubeObject>(resource, { labelSelector: OURS, metadataOnly: true, transform: withoutAnnotations }));
  const trainingCache = operator.informer<CustomObject>(trainings);
  const evaluationCache = operator.informer<CustomObject>(evaluations);
  const caches = new Map<string, InformerView>([jobCache, podCache, ...others].map((cache) => [nameOf(cache.resource), cache]));
  jobCache.store.addIndex(GANG, (job) => [gangOf(job)]);
  podCache.store.addIndex(GANG, (pod) => [gangOf(pod)]);
  evaluationCache.store.addIndex(TRAINING, (evaluation) => trainingName(evaluation));

  const wake = new Map<string, (key: string) => void>();
  const board = new Board({
    clock, port: progressPort, every: pollEvery, atATime: 32,
    gangs: () => [trainingCache, evaluationCache].flatMap((cache) => [...cache.store.values()].flatMap(asked)),
    host: ({ key, uid, attempt }) => podCache.store.by(GANG, key).find((pod) => {
      if (pod.status?.phase !== 'Running') return false;
      const { worker, phase, attempt: of } = observedPod(pod, uid);
      return worker === 0 && phase === 'Running' && of === attempt;
    })?.status?.podIP,
    heard: (key) => { wakeGang(key); },
    unheard: (key, why) => {
      const object = objectOf(key);
      if (object !== undefined) operator.events.record(object, { type: 'Warning', reason: 'ProgressUnknown', note: `${why}. Progress is not seen, and a stall would not be either; does a NetworkPolicy keep the operator from the pods, or is the node slow?` });
    },
  });
  const objectOf = (id: string): CustomObject | undefined => {
    const [namespace = '', kind, name = ''] = id.split('/');
    return (kind === trainings.kind ? trainingCache : evaluationCache).store.get(`${namespace}/${name}`);
  };
  const wakeGang = (id: string): void => {
    const [namespace = '', kind = '', name = ''] = id.split('/');
    wake.get(kind)?.(`${namespace}/${name}`);
  };
  let watchedSince: string | undefined;
  operator.alongside(async (signal) => {
    watchedSince = new Date(clock.now()).toISOString();
    await board.run(signal);
  });
  const measured = measure(operator, [trainingCache, evaluationCache]);

  const hands: Hands = {
    plan,
    gang: (object) => parsed.gang(object),
    observe: async (gang, attempt) => {
      const { uid, namespace } = gang.metadata;
      const id = `${namespace}/${gang.kind}/${gang.metadata.name}`;
      const ownPods = podCache.store.by(GANG, id);
      const ownJobs = jobCache.store.by(GANG, id);
      const bare = ownPods.length > 0 ? undefined : ownJobs.find((job) => job.metadata.labels?.[UID_LABEL] === uid && job.metadata.deletionTimestamp === undefined && !hasEnded(job));
      const why = bare === undefined ? undefined : await noPods.why(bare);
      const progress = board.report(uid, attempt);
      const refusal = refused.get(uid);
      const present = ownPods.map((pod) => observedPod(pod, uid));
      return {
        pods: [...present, ...departed.of(uid, attempt, present)],
        jobs: ownJobs.map((job) => observedJob(job, uid, job === bare ? why?.waiting : undefined)),
        ...(watchedSince !== undefined && { watchedSince }),
        ...trainingOf(gang, (key) => trainingCache.store.get(key), parsed),
        ...(progress !== undefined && { progress }),
        ...(refusal !== undefined && { refused: refusal }),
        ...(why !== undefined && { lookAgain: why.lookAgain }),
      };
    },
    child: (resource, namespace, name) => caches.get(nameOf(resource))?.store.get(`${namespace}/${name}`),
    refuse: (uid, why) => {
      const known = refused.get(uid);
      if (why === undefined) refused.delete(uid);
      else refused.set(uid, why);
      return !isDeepStrictEqual(known, why);
    },
    announce: (object, event) => { operator.events.record(object, event); },
    wrote: (object, before, after) => { measured.wrote(object, before, after); },
  };

  for (const cache of [trainingCache, evaluationCache]) {
    const { resource } = cache;
    // A training that was never looked at has neither Jobs nor pods. Of thousands of others' the list takes a while.
    const early = cache === trainingCache ? { early: (object: CustomObject) => statusOf(object)?.attempt === undefined } : {};
    const controller = operator.controller<CustomObject>({ resource, ...early, concurrency: AT_A_TIME, reconcile: (_key, context) => reconcileGang(hands, context) });
    wake.set(resource.kind, (key) => { controller.queue.add(key); });
    const ours = (child: KubeObject): string[] => {
      const [namespace = '', kind, name = ''] = gangOf(child).split('/');
      return kind === resource.kind ? [`${namespace}/${name}`] : [];
    };
    controller.watches(jobCache, ours).watches(podCache, ours);
    cache.store.subscribe((change) => {
      if (change.type !== 'deleted') return;
      const { uid = '' } = change.object.metadata;
      parsed.forget(uid);
      board.forget(uid);
      refused.delete(uid);
      departed.forget(uid);
    });
    if (cache === evaluationCache) controller.watches(trainingCache, (training) => evaluationCache.store.by(TRAINING, keyOf(training)).map(keyOf));
  }
  podCache.store.subscribe(({ type, object }) => {
    if (type !== 'deleted') return;
    const owner = objectOf(gangOf(object));
    if (owner?.metadata.uid === object.metadata.labels?.[UID_LABEL]) departed.add(object);
  });
  // Of these only a loss matters: they are made again.
  for (const { store } of others) store.subscribe((change) => { if (change.type === 'deleted') wakeGang(gangOf(change.object)); });
  return { remembered: () => parsed.remembered + board.remembered + refused.size + departed.remembered };
}

/** The present attempt, if its rank 0 may have something to say. */
function asked(object: CustomObject): Asked[] {
  const status = statusOf(object);
  const { kind = '', metadata: { namespace = '', name = '', uid = '' } } = object;
  if (status?.attempt === undefined || status.state === 'Complete' || status.state === 'Failed' || status.state === 'Suspended') return [];
  return [{ key: `${namespace}/${kind}/${name}`, uid, attempt: status.attempt }];
}

/** The training that an evaluation names, as "namespace/name". */
function trainingName({ metadata: { namespace = '' }, spec }: CustomObject): string[] {
  const name = (spec as { checkpoint?: { training?: { name?: unknown } } } | undefined)?.checkpoint?.training?.name;
  return typeof name === 'string' ? [`${namespace}/${name}`] : [];
}

function trainingOf(gang: Gang, find: (key: string) => CustomObject | undefined, parsed: Parsed): Pick<Observed, 'training'> {
  if (gang.kind !== 'SRDiTEvaluation' || gang.spec.checkpoint.training === undefined) return {};
  const training = find(`${gang.metadata.namespace}/${gang.spec.checkpoint.training.name}`);
  if (training === undefined) return { training: null };
  const trained = parsed.gang(training);
  return { training: { status: statusOf(training), ...('kind' in trained && trained.kind === 'SRDiTTraining' && { spec: trained.spec }) } };
}
