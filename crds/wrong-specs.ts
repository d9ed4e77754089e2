import type { Reason } from './openapi/schema.ts';
import { mergePatch } from './merge-patch.ts';
import type { Kind } from './resource.ts';

/** Resources that must be refused, on the laptop and by the API server, as data: a good resource, a JSON merge patch (RFC 7386; null takes
 *  a field away) that makes it wrong, and what the refusal says. */
export interface WrongSpec {
  readonly name: string;
  readonly kind: Kind;
  readonly patch: unknown;
  /** The good resource with this patch exists already, and the wrong one is to replace it. */
  readonly from?: unknown;
  readonly expect: {
    readonly reason: Reason;
    readonly path: string;
    /** The exact sentence, for CEL rules; other sentences differ between laptop and API server. */
    readonly message?: string;
  };
}

export const GOOD: Readonly<Record<Kind, unknown>> = {
  SRDiTTraining: {
    apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name: 'good' },
    spec: {
      model: { preset: 'SiT-B/1' }, data: { uri: 'file:///data/imagenet' }, steps: 400_000, storage: { uri: 'gs://bucket/runs/good' },
    },
  },
  SRDiTEvaluation: {
    apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name: 'good' },
    spec: {
      checkpoint: { training: { name: 'good' } }, reference: { npz: 'file:///data/reference.npz' }, storage: { uri: 'gs://bucket/evaluations/good' },
    },
  },
};

/** The wrong resource, and the one that it would replace. */
export function wrongResource({ kind, patch, from }: WrongSpec): { readonly resource: unknown; readonly old?: unknown } {
  const old = mergePatch(GOOD[kind], from ?? {});
  return from === undefined ? { resource: mergePatch(GOOD[kind], patch) } : { resource: mergePatch(old, patch), old };
}

const rule = (path: string, message: string, reason: Reason = 'FieldValueInvalid'): WrongSpec['expect'] => ({ reason, path, message });
const training = (name: string, spec: unknown, expect: WrongSpec['expect']): WrongSpec => ({ name, kind: 'SRDiTTraining', patch: { spec }, expect });
const evaluation = (name: string, spec: unknown, expect: WrongSpec['expect']): WrongSpec => ({ name, kind: 'SRDiTEvaluation', patch: { spec }, expect });
const named = (name: string, metadataName: string, message: string): WrongSpec =>
  ({ name, kind: 'SRDiTTraining', patch: { metadata: { name: metadataName } }, expect: rule('', message) });
/** An update of a training: fields as they were, fields as they are to be. */
const change = (name: string, from: unknown, spec: unknown, path: string, message: string): WrongSpec =>
  ({ name, kind: 'SRDiTTraining', from: { spec: from }, patch: { spec }, expect: rule(path, message, 'FieldValueForbidden') });
/** An update of an evaluation. */
const remeasure = (name: string, spec: unknown, field: string, message = keep(field, 'SRDiTEvaluation')): WrongSpec =>
  ({ name, kind: 'SRDiTEvaluation', from: {}, patch: { spec }, expect: rule(`spec.${field}`, message, 'FieldValueForbidden') });
const keep = (field: string, kind: Kind = 'SRDiTTraining'): string =>
  `Keep ${field} as it is or create another ${kind}: what was begun with one ${field} does not go on with another`;
const DNS_LABEL = 'Start metadata.name with a lower-case letter and use only lower-case letters, digits and "-" inside: the name of a Service is made from it';
const GANG_CHANGE = 'Set suspend to true before or together with a change of gang.workers, gang.ranksPerWorker or gang.gpu';
const HANDS = 'Keep managedBy as it is or create another resource: one controller does not know what another has begun';
const DOMAIN_NAME = 'Set managedBy to DOMAIN/NAME, for example kueue.x-k8s.io/multikueue, or leave it out';

export const WRONG_SPECS: readonly WrongSpec[] = [
  named('a name of 41 characters', 'a'.repeat(41), 'Shorten metadata.name to at most 40 characters: the names of pods are made from it'),
  named('a name that begins with a digit', '1st', DNS_LABEL),
  named('a name with dots', 'sit.b', DNS_LABEL),

  training('preset and size', { model: { size: { depth: 4, hiddenSize: 64, heads: 4, patchSize: 1 } } }, rule('spec.model', 'Set exactly one of model.preset and model.size')),
  training('neither preset nor size', { model: { preset: null } }, rule('spec.model', 'Set exactly one of model.preset and model.size')),
  training('a width that its heads do not divide', { model: { preset: null, size: { depth: 4, hiddenSize: 100, heads: 4, patchSize: 1 } } },
    rule('spec.model.size.hiddenSize', 'Set hiddenSize to a multiple of 4 x heads: rotary pairs in two dimensions need heads whose width is a multiple of 4')),
  training('routing through 3 blocks', { model: { preset: null, size: { depth: 3, hiddenSize: 64, heads: 4, patchSize: 1 } } },
    rule('spec.model.routing', 'Set model.size.depth to at least 4, or model.routing.enabled to false: routing keeps two blocks before and two after the routed ones')),
  training('a class token without teacher features', { data: { teacherFeatures: false }, objective: { alignment: { enabled: false } } },
    rule('spec.model.classToken', 'Set model.classToken to false, or use a data set with teacher features and set data.teacherFeatures to true')),
  training('alignment without teacher features', { data: { teacherFeatures: false }, model: { classToken: false } },
    rule('spec.objective.alignment.enabled', 'Set objective.alignment.enabled to false, or use a data set with teacher features and set data.teacherFeatures to true')),
  training('alignment with a preset of patch size 2', { model: { preset: 'SiT-B/2' } },
    rule('spec.objective.alignment.enabled', "Set the patch size to 1 (a preset that ends with /1, or model.size.patchSize), or objective.alignment.enabled to false: alignment pairs each token with one of the teacher's")),
  training('alignment with a free size of patch size 4', { model: { preset: null, size: { depth: 4, hiddenSize: 64, heads: 4, patchSize: 4 } } },
    rule('spec.objective.alignment.enabled', "Set the patch size to 1 (a preset that ends with /1, or model.size.patchSize), or objective.alignment.enabled to false: alignment pairs each token with one of the teacher's")),
  training('a batch that the ranks cannot share', { batchSize: 250, gang: { workers: 2, ranksPerWorker: 4 } },
    rule('spec.batchSize', 'Set batchSize to a multiple of gang.workers x gang.ranksPerWorker: every rank takes an equal share')),
  training('one picture a rank with the contrastive loss', { batchSize: 8, gang: { ranksPerWorker: 8 } },
    rule('spec.batchSize', 'Set batchSize to at least 2 x gang.workers x gang.ranksPerWorker, or objective.contrastive.coefficient to 0: each picture is contrasted with another of its rank')),
  training('warm-up and decay longer than the training', { steps: 100, optimizer: { warmupSteps: 60, decaySteps: 41 } },
    rule('spec.optimizer', 'Set optimizer.warmupSteps + optimizer.decaySteps to at most steps')),
  training('a guidance interval turned round', { samples: { sampler: { guidance: { low: 0.8, high: 0.3 } } } },
    rule('spec.samples.sampler.guidance.low', 'Set guidance.low to at most guidance.high')),
  training('storage of another cloud', { storage: { uri: 's3://bucket/run' } }, rule('spec.storage.uri', 'Start uri with file:/// or gs://BUCKET')),
  training('storage by a relative path', { storage: { uri: 'runs/emoji' } }, rule('spec.storage.uri', 'Start uri with file:/// or gs://BUCKET')),
  training('a bucket without a name', { storage: { uri: 'gs:///run' } }, rule('spec.storage.uri', 'Start uri with file:/// or gs://BUCKET')),
  training('data outside its root', { data: { uri: 'file:///data/../etc' } }, rule('spec.data.uri', 'Leave "." and ".." out of uri')),
  training('storage outside its root', { storage: { uri: 'gs://bucket/runs/..' } }, rule('spec.storage.uri', 'Leave "." and ".." out of uri')),
  training('data over http', { data: { uri: 'http://host/data' } }, rule('spec.data.uri', 'Start uri with file:/// or gs://BUCKET')),
  training('a variable of the operator', { pod: { env: [{ name: 'SRDIT_RUN', value: '{}' }] } },
    rule('spec.pod.env[0].name', 'Choose a name that does not begin with SRDIT_: the operator sets those')),
  training('a variable with two values', { pod: { env: [{ name: 'A', value: '1' }, { name: 'B', value: '1', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] } },
    rule('spec.pod.env[1]', 'Set at most one of value and valueFrom')),
  training('a label of the operator', { pod: { labels: { 'srdit.dev/attempt': '7' } } },
    rule('spec.pod.labels', 'Choose keys that do not begin with srdit.dev/: the operator sets those labels')),
  training('an annotation of the operator', { pod: { annotations: { 'srdit.dev/x': '7' } } },
    rule('spec.pod.annotations', 'Choose keys that do not begin with srdit.dev/: the operator sets those annotations')),
  training('a volume without a source', { pod: { volumes: [{ name: 'data' }] } },
    rule('spec.pod.volumes[0]', 'Set exactly one of configMap, csi, emptyDir, persistentVolumeClaim and secret')),
  training('a volume of the operator', { pod: { volumes: [{ name: 'srdit-run', emptyDir: {} }] } },
    rule('spec.pod.volumes[0].name', 'Choose a name that does not begin with srdit-: the operator adds volumes of those names')),
  training("a mount over the kernel's files", { pod: { volumes: [{ name: 'a', emptyDir: {} }], volumeMounts: [{ name: 'a', mountPath: '/proc/self' }] } },
    rule('spec.pod.volumeMounts[0].mountPath', 'Set mountPath to an absolute path outside /dev, /proc and /sys')),
  training('a mount of no volume', { pod: { volumes: [{ name: 'a', emptyDir: {} }], volumeMounts: [{ name: 'b', mountPath: '/data' }] } },
    rule('spec.pod.volumeMounts', 'Give each of volumeMounts the name of one of pod.volumes')),

  evaluation('a checkpoint named twice', { checkpoint: { uri: 'gs://bucket/a' } }, rule('spec.checkpoint', 'Set exactly one of checkpoint.uri and checkpoint.training')),
  evaluation('no checkpoint', { checkpoint: { training: null } }, rule('spec.checkpoint', 'Set exactly one of checkpoint.uri and checkpoint.training')),
  evaluation('every checkpoint without a number of steps', { checkpoint: { training: { which: 'Every' } } },
    rule('spec.checkpoint.training.everySteps', 'Set everySteps to the steps from one measured checkpoint to the next, or which to Last or Best')),
  evaluation('the last checkpoint every so many steps', { checkpoint: { training: { everySteps: 1000 } } },
    rule('spec.checkpoint.training.everySteps', 'Set which to Every, or remove everySteps: Last and Best are one checkpoint')),
  evaluation('every 0 steps', { checkpoint: { training: { which: 'Every', everySteps: 0 } } }, { reason: 'FieldValueInvalid', path: 'spec.checkpoint.training.everySteps' }),
  evaluation('two references', { reference: { data: 'file:///data' } }, rule('spec.reference', 'Set exactly one of reference.data and reference.npz')),
  evaluation('no reference', { reference: { npz: null } }, rule('spec.reference', 'Set exactly one of reference.data and reference.npz')),
  evaluation('a reference that is no .npz', { reference: { npz: 'file:///data/reference.npy' } },
    rule('spec.reference.npz', 'Set reference.npz to a file whose name ends with .npz, or name a packed data set in reference.data')),
  evaluation('fewer pictures than neighbours', { count: 3 }, rule('spec.neighbours', 'Set neighbours to less than count: precision and recall look at that many other pictures')),
  evaluation('fewer pictures than ranks', { count: 4, gang: { workers: 8 } },
    rule('spec.count', 'Set count to at least gang.workers x gang.ranksPerWorker: every rank draws one picture or more')),
  evaluation('a guidance interval turned round while evaluating', { sampler: { guidance: { low: 1, high: 0.5 } } }, rule('spec.sampler.guidance.low', 'Set guidance.low to at most guidance.high')),
  evaluation('a checkpoint on ftp', { checkpoint: { training: null, uri: 'ftp://host/a' } }, rule('spec.checkpoint.uri', 'Start uri with file:/// or gs://BUCKET')),
  evaluation('a checkpoint outside its root', { checkpoint: { training: null, uri: 'file:///runs/../checkpoint' } }, rule('spec.checkpoint.uri', 'Leave "." and ".." out of uri')),
  evaluation('evaluation storage outside its root', { storage: { uri: 'file:///runs/./a' } }, rule('spec.storage.uri', 'Leave "." and ".." out of uri')),
  evaluation('evaluation storage on ftp', { storage: { uri: 'ftp://host/a' } }, rule('spec.storage.uri', 'Start uri with file:/// or gs://BUCKET')),
  evaluation('reference data outside its root', { reference: { npz: null, data: 'gs://bucket/./data' } }, rule('spec.reference.data', 'Leave "." and ".." out of data')),
  evaluation('a reference by a relative path', { reference: { npz: 'reference.npz' } }, rule('spec.reference.npz', 'Start npz with file:/// or gs://BUCKET')),
  evaluation('a reference outside its root', { reference: { npz: 'file:///data/../reference.npz' } }, rule('spec.reference.npz', 'Leave "." and ".." out of npz')),
  evaluation('reference data by a relative path', { reference: { npz: null, data: 'data' } }, rule('spec.reference.data', 'Start data with file:/// or gs://BUCKET')),

  change('another model in the same training', {}, { model: { qkNorm: false } }, 'spec.model', keep('model')),
  change('another preset in the same training', {}, { model: { preset: 'SiT-L/1' } }, 'spec.model', keep('model')),
  change('another objective in the same training', {}, { objective: { path: 'cosine' } }, 'spec.objective', keep('objective')),
  change('other data in the same training', {}, { data: { uri: 'file:///other' } }, 'spec.data', keep('data')),
  change('another seed', {}, { seed: 1 }, 'spec.seed', keep('seed')),
  change('another learning rate', {}, { optimizer: { learningRate: 0.0002 } }, 'spec.optimizer', keep('optimizer')),
  change('another batch, even while suspended', { suspend: true }, { batchSize: 512 }, 'spec.batchSize', keep('batchSize')),
  change('other storage', {}, { storage: { uri: 'gs://bucket/elsewhere' } }, 'spec.storage', keep('storage')),
  change('another accumulation', {}, { accumulation: 2 }, 'spec.accumulation', keep('accumulation')),
  change('another precision', {}, { precision: 'float32' }, 'spec.precision', keep('precision')),
  change('fewer steps', { suspend: true }, { steps: 1000 }, 'spec.steps', 'Keep steps or raise it: steps that were taken cannot be taken back'),
  change('more steps while it runs', {}, { steps: 800_000 }, 'spec.steps', 'Set suspend to true before or together with a change of steps'),
  change('more workers while it runs', {}, { gang: { workers: 2 } }, 'spec.gang', GANG_CHANGE),
  change('more ranks a worker while it runs', {}, { gang: { ranksPerWorker: 8 } }, 'spec.gang', GANG_CHANGE),
  change('other GPUs while it runs', {}, { gang: { gpu: { perRank: 0 } } }, 'spec.gang', GANG_CHANGE),
  remeasure('another seed for the pictures', { seed: 1 }, 'seed'),
  remeasure('another checkpoint in the same evaluation', { checkpoint: { training: { which: 'Best' } } }, 'checkpoint'),
  remeasure('every checkpoint in an evaluation of one', { checkpoint: { training: { which: 'Every', everySteps: 1000 } } }, 'checkpoint'),
  remeasure('another sampler in the same evaluation', { sampler: { steps: 250 } }, 'sampler'),
  remeasure('another count in the same evaluation', { count: 10_000 }, 'count'),
  remeasure('other labels in the same evaluation', { balancedLabels: false }, 'balancedLabels'),
  remeasure('another reference in the same evaluation', { reference: { npz: 'file:///data/other.npz' } }, 'reference'),
  remeasure('other features in the same evaluation', { features: { size: 16 } }, 'features'),
  remeasure('other neighbours in the same evaluation', { neighbours: 5 }, 'neighbours'),
  remeasure('more workers while it draws', { gang: { workers: 2 } }, 'gang', GANG_CHANGE),
  remeasure('more ranks a worker while it draws', { gang: { ranksPerWorker: 8 } }, 'gang', GANG_CHANGE),
  remeasure('other GPUs while it draws', { gang: { gpu: { perRank: 0 } } }, 'gang', GANG_CHANGE),
  remeasure('other storage for the same evaluation', { storage: { uri: 'gs://bucket/elsewhere' } }, 'storage'),

  change('another controller', {}, { managedBy: 'kueue.x-k8s.io/multikueue' }, 'spec.managedBy', HANDS),
  change('no controller any more', { managedBy: 'kueue.x-k8s.io/multikueue' }, { managedBy: null }, 'spec.managedBy', HANDS),
  remeasure('another controller while it draws', { managedBy: 'kueue.x-k8s.io/multikueue' }, 'managedBy', HANDS),
  training('a controller without a domain', { managedBy: 'kueue' }, rule('spec.managedBy', DOMAIN_NAME)),
  evaluation('an evaluation of a controller without a domain', { managedBy: '/multikueue' }, rule('spec.managedBy', DOMAIN_NAME)),
  training('a patience below 0', { noProgressSeconds: -1 }, { reason: 'FieldValueInvalid', path: 'spec.noProgressSeconds' }),
  training('no time at all', { activeDeadlineSeconds: 0 }, { reason: 'FieldValueInvalid', path: 'spec.activeDeadlineSeconds' }),
  evaluation('a duration with a unit', { ttlSecondsAfterFinished: '1h' }, { reason: 'FieldValueTypeInvalid', path: 'spec.ttlSecondsAfterFinished' }),

  training('no steps', { steps: null }, { reason: 'FieldValueRequired', path: 'spec.steps' }),
  training('no data', { data: null }, { reason: 'FieldValueRequired', path: 'spec.data' }),
  training('no storage', { storage: null }, { reason: 'FieldValueRequired', path: 'spec.storage' }),
  evaluation('no checkpoint field at all', { checkpoint: null }, { reason: 'FieldValueRequired', path: 'spec.checkpoint' }),
  training('0 steps', { steps: 0 }, { reason: 'FieldValueInvalid', path: 'spec.steps' }),
  training('a step and a half', { steps: 1.5 }, { reason: 'FieldValueTypeInvalid', path: 'spec.steps' }),
  training('steps as text', { steps: '1000' }, { reason: 'FieldValueTypeInvalid', path: 'spec.steps' }),
  training('a batch as a list', { batchSize: [256] }, { reason: 'FieldValueTypeInvalid', path: 'spec.batchSize' }),
  training('a preset that does not exist', { model: { preset: 'SiT-H/1' } }, { reason: 'FieldValueNotSupported', path: 'spec.model.preset' }),
  training('float16', { precision: 'float16' }, { reason: 'FieldValueNotSupported', path: 'spec.precision' }),
  training('a learning rate of 0', { optimizer: { learningRate: 0 } }, { reason: 'FieldValueInvalid', path: 'spec.optimizer.learningRate' }),
  training('an EMA that never moves', { optimizer: { emaDecay: 1 } }, { reason: 'FieldValueInvalid', path: 'spec.optimizer.emaDecay' }),
  training('a probability above 1', { model: { labelDropProb: 1.5 } }, { reason: 'FieldValueInvalid', path: 'spec.model.labelDropProb' }),
  training('no token kept', { model: { routing: { keepRatio: 0 } } }, { reason: 'FieldValueInvalid', path: 'spec.model.routing.keepRatio' }),
  training('a grid of 2000 pictures', { samples: { count: 2000 } }, { reason: 'FieldValueInvalid', path: 'spec.samples.count' }),
  training('no checkpoint to keep', { checkpoints: { keep: 0 } }, { reason: 'FieldValueInvalid', path: 'spec.checkpoints.keep' }),
  training('two GPUs a rank', { gang: { gpu: { perRank: 2 } } }, { reason: 'FieldValueInvalid', path: 'spec.gang.gpu.perRank' }),
  training('an empty image', { image: '' }, { reason: 'FieldValueInvalid', path: 'spec.image' }),
  training('a place of 2000 characters', { storage: { uri: `gs://bucket/${'a'.repeat(2000)}` } }, { reason: 'FieldValueTooLong', path: 'spec.storage.uri' }),
  training('a seed below 0', { seed: -1 }, { reason: 'FieldValueInvalid', path: 'spec.seed' }),
  training('an unknown field', { learningRate: 0.001 }, { reason: 'UnknownField', path: 'spec.learningRate' }),
  training('a field in another case', { batchsize: 64 }, { reason: 'UnknownField', path: 'spec.batchsize' }),
  training('a folder of the node', { pod: { volumes: [{ name: 'a', hostPath: { path: '/' } }] } }, { reason: 'UnknownField', path: 'spec.pod.volumes[0].hostPath' }),
  training('the network of the node', { pod: { hostNetwork: true } }, { reason: 'UnknownField', path: 'spec.pod.hostNetwork' }),
  training('a toleration as text', { pod: { tolerations: ['gpu'] } }, { reason: 'FieldValueTypeInvalid', path: 'spec.pod.tolerations[0]' }),
  training('memory in no unit', { pod: { resources: { limits: { memory: '1 gigabyte' } } } }, { reason: 'FieldValueInvalid', path: 'spec.pod.resources.limits.memory' }),
  training('a volume named twice', { pod: { volumes: [{ name: 'a', emptyDir: {} }, { name: 'a', emptyDir: {} }] } }, { reason: 'FieldValueDuplicate', path: 'spec.pod.volumes[1]' }),
  training('a volume without a name', { pod: { volumes: [{ emptyDir: {} }] } }, { reason: 'FieldValueRequired', path: 'spec.pod.volumes[0].name' }),
  evaluation('an unknown sampler', { sampler: { kind: 'DPM' } }, { reason: 'FieldValueNotSupported', path: 'spec.sampler.kind' }),
  evaluation('0 neighbours', { neighbours: 0 }, { reason: 'FieldValueInvalid', path: 'spec.neighbours' }),
  evaluation('pixels called something else', { features: { kind: 'inception' } }, { reason: 'FieldValueNotSupported', path: 'spec.features.kind' }),
];
