import type { EventText, InformerView, KubeObject, Operator, ResourceName } from 'kopf-ts';
import { keyOf, nameOf } from 'kopf-ts';
import { HTTP_PORT, UID_LABEL } from '../plan/objects/names.ts';
import type { Gang, Observed, PlanOptions, Waiting } from '../plan/types.ts';
import { Board, type Asked } from './board.ts';
import { configMaps, evaluations, jobs, networkPolicies, pods, services, trainings, type CustomObject, type Job, type Pod } from './kubernetes.ts';
import { observedJob, observedPod } from './observe.ts';
import { Parsed, statusOf } from './parsed.ts';
import { reconcileGang, type Hands } from './reconcile.ts';

export interface GangsOptions {
  readonly plan: PlanOptions;
  /** Milliseconds between two looks at a gang's progress; default 10 s. */
  readonly pollEvery?: number;
}

const OURS = 'app.kubernetes.io/managed-by=srdit';
const GANG = 'gang';
const TRAINING = 'training';

/** "namespace/kind/name" of the resource that an object was made for, by its labels: they outlive its owner. */
function gangOf({ metadata: { namespace = '', labels } }: KubeObject): string {
  const kind = labels?.['app.kubernetes.io/name'] === 'srdit-training' ? 'SRDiTTraining' : 'SRDiTEvaluation';
  return `${namespace}/${kind}/${labels?.['app.kubernetes.io/instance'] ?? ''}`;
}

/** Names and owners are all that is looked at. */
const metadataOnly = <T extends KubeObject>({ apiVersion, kind, metadata }: T): T => ({ apiVersion, kind, metadata: { ...metadata, annotations: undefined } } as unknown as T);
const withStatus = <T extends KubeObject & { readonly status?: unknown }>(object: T): T => ({ ...metadataOnly(object), status: object.status });

/** Adds the controllers of both kinds, their caches and the questions to rank 0. */
export function addGangs(operator: Operator, { plan, pollEvery = 10_000 }: GangsOptions): void {
  const parsed = new Parsed();
  const jobCache = operator.informer<Job>(jobs, { labelSelector: OURS, transform: withStatus });
  const podCache = operator.informer<Pod>(pods, { labelSelector: OURS, transform: withStatus });
  const trainingCache = operator.informer<CustomObject>(trainings);
  const evaluationCache = operator.informer<CustomObject>(evaluations);
  const caches = new Map<string, InformerView>([
    [nameOf(jobs), jobCache], [nameOf(pods), podCache],
    ...[services, configMaps, networkPolicies].map((resource) => [nameOf(resource), operator.informer(resource, { labelSelector: OURS, transform: metadataOnly })] as const),
  ]);
  jobCache.store.addIndex(GANG, (job) => [gangOf(job)]);
  podCache.store.addIndex(GANG, (pod) => [gangOf(pod)]);
  evaluationCache.store.addIndex(TRAINING, (evaluation) => trainingName(evaluation));

  const wake = new Map<string, (key: string) => void>();
  const board = new Board({
    clock: operator.client.clock, port: HTTP_PORT, every: pollEvery, atATime: 32,
    gangs: function* () {
      for (const store of [trainingCache.store, evaluationCache.store]) for (const object of store.values()) yield* askable(object, podCache.store.by(GANG, gangKey(object)));
    },
    heard: (id) => { wake.get(id.slice(0, id.indexOf(':')))?.(id.slice(id.indexOf(':') + 1)); },
  });
  let watchedSince: string | undefined;
  operator.alongside(async (signal) => {
    watchedSince = new Date(operator.client.clock.now()).toISOString();
    await board.run(signal);
  });

  const hands: Hands = {
    plan,
    gang: (object) => parsed.gang(object),
    observe: async (gang, attempt) => {
      const id = `${gang.metadata.namespace}/${gang.kind}/${gang.metadata.name}`;
      const { uid } = gang.metadata;
      const ownPods = podCache.store.by(GANG, id).map((pod) => observedPod(pod, uid));
      const ownJobs = jobCache.store.by(GANG, id);
      const seen: Omit<Observed, 'now' | 'status'> = {
        pods: ownPods,
        jobs: await Promise.all(ownJobs.map(async (job) => observedJob(job, uid, ownPods.length === 0 ? await whyNoPods(operator, job) : undefined))),
        ...(watchedSince !== undefined && { watchedSince }),
        ...trainingOf(gang, trainingCache.store.get.bind(trainingCache.store)),
      };
      const progress = board.report(uid, attempt);
      return { ...seen, ...(progress !== undefined && { progress }) };
    },
    has: (resource: ResourceName, namespace, name) => caches.get(nameOf(resource))?.store.get(`${namespace}/${name}`) !== undefined,
    announce: (object, event: EventText) => { operator.events.record(object, event); },
    forget: (uid) => { parsed.forget(uid); board.forget(uid); },
  };

  for (const [resource, cache] of [[trainings, trainingCache], [evaluations, evaluationCache]] as const) {
    const controller = operator.controller<CustomObject>({ resource, reconcile: (_key, context) => reconcileGang(hands, context) });
    wake.set(resource.kind, (of) => { controller.queue.add(of); });
    const ours = (child: KubeObject): string[] => {
      const [namespace = '', kind, name = ''] = gangOf(child).split('/');
      return kind === resource.kind ? [`${namespace}/${name}`] : [];
    };
    controller.watches(jobCache, ours).watches(podCache, ours);
    cache.store.subscribe((change) => { if (change.type === 'deleted') hands.forget(change.object.metadata.uid ?? ''); });
    if (resource === evaluations) {
      controller.watches(trainingCache, (training) => evaluationCache.store.by(TRAINING, keyOf(training)).map(keyOf));
    }
  }
}

const gangKey = ({ kind = '', metadata: { namespace = '', name = '' } }: CustomObject): string => `${namespace}/${kind}/${name}`;

/** Rank 0's pod of the present attempt, if it runs. */
function* askable(object: CustomObject, ofGang: readonly Pod[]): Generator<Asked> {
  const attempt = statusOf(object)?.attempt;
  const { uid = '' } = object.metadata;
  if (attempt === undefined) return;
  for (const pod of ofGang) {
    const { worker, phase, attempt: of } = observedPod(pod, uid);
    const host = pod.status?.podIP;
    if (worker === 0 && phase === 'Running' && of === attempt && host !== undefined) yield { key: `${object.kind ?? ''}:${keyOf(object)}`, uid, attempt, host };
  }
}

/** The training that an evaluation names, as "namespace/name". */
function trainingName({ metadata: { namespace = '' }, spec }: CustomObject): string[] {
  const name = (spec as { checkpoint?: { training?: { name?: unknown } } } | undefined)?.checkpoint?.training?.name;
  return typeof name === 'string' ? [`${namespace}/${name}`] : [];
}

function trainingOf(gang: Gang, find: (key: string) => CustomObject | undefined): Pick<Observed, 'training'> {
  if (gang.kind !== 'SRDiTEvaluation' || gang.spec.checkpoint.training === undefined) return {};
  const training = find(`${gang.metadata.namespace}/${gang.spec.checkpoint.training.name}`);
  return { training: training === undefined ? null : { status: statusOf(training) } };
}

/** What kept the Job controller from creating pods (a quota, an admission plugin), which it tells by events alone. */
async function whyNoPods(operator: Operator, job: Job): Promise<Waiting | undefined> {
  const { name = '', namespace = '', uid = '', creationTimestamp } = job.metadata;
  const age = operator.client.clock.now() - Date.parse(creationTimestamp ?? '');
  if (!(age > 5000) || job.metadata.deletionTimestamp !== undefined || job.metadata.labels?.[UID_LABEL] === undefined) return undefined;
  const events = { group: '', version: 'v1', kind: 'Event', plural: 'events', namespaced: true };
  let newest: Waiting | undefined;
  for await (const { items } of operator.client.list(events, { namespace, fieldSelector: `involvedObject.uid=${uid},involvedObject.name=${name},reason=FailedCreate` })) {
    for (const event of items) newest = { reason: 'FailedCreate', message: String((event as { message?: unknown }).message ?? 'The pods could not be created') };
  }
  return newest;
}

