import { letting, UNCHANGED, type Rule } from './rule.ts';

/** Pods carry the resource's name and an attempt number, and services need a DNS-1035 label. */
export const nameRules: readonly Rule[] = [
  { path: '', rule: 'self.metadata.name.size() <= 40', message: 'Shorten metadata.name to at most 40 characters: the names of pods are made from it' },
  {
    path: '', rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    message: 'Start metadata.name with a lower-case letter and use only lower-case letters, digits and "-" inside: the name of a Service is made from it',
  },
];

/** A field that holds a place in storage. */
export function uriRules(path: string): readonly Rule[] {
  const field = path.slice(path.lastIndexOf('.') + 1);
  return [
    { path, rule: "self.matches('^(file:///|gs://[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9](/|$))')", message: `Start ${field} with file:/// or gs://BUCKET` },
    { path, rule: "!self.matches('/[.][.]?(/|$)')", message: `Leave "." and ".." out of ${field}` },
  ];
}

/** sampler: path of a sampler below spec. The rule stands at spec because what it reads is there by default only. */
export const guidanceRules = (sampler: string): readonly Rule[] => [{
  path: 'spec', fieldPath: `.${sampler}.guidance.low`,
  rule: letting('guidance', `self.${sampler}.guidance`, 'guidance.low <= guidance.high'), message: 'Set guidance.low to at most guidance.high',
}];

/** What a gang can only change while it is stopped. */
export const gangChangeRule: Rule = {
  path: 'spec', fieldPath: '.gang', reason: 'FieldValueForbidden',
  rule: `${letting('gang', 'self.gang', letting('old', 'oldSelf.gang', 'gang.workers == old.workers && gang.ranksPerWorker == old.ranksPerWorker'))} && self.gang.gpu == oldSelf.gang.gpu || self.suspend || oldSelf.suspend`,
  message: 'Set suspend to true before or together with a change of gang.workers, gang.ranksPerWorker or gang.gpu',
};

/** What makes the run what it is: fields that are always there, by default if not set. Rules at the fields themselves look
 *  nothing up (see letting). kind: named in the sentence. */
export const lastingRules = (kind: string, fields: readonly string[]): readonly Rule[] => fields.map((field) => ({
  path: `spec.${field}`, reason: 'FieldValueForbidden',
  rule: UNCHANGED,
  message: `Keep ${field} as it is or create another ${kind}: what was begun with one ${field} does not go on with another`,
}));

/** A resource does not change hands: the new one would not know what the old one has begun. */
export const managedByRules: readonly Rule[] = [
  {
    path: 'spec.managedBy', rule: "self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[-_.A-Za-z0-9]+$')",
    message: 'Set managedBy to DOMAIN/NAME, for example kueue.x-k8s.io/multikueue, or leave it out',
  },
  {
    path: 'spec', fieldPath: '.managedBy', reason: 'FieldValueForbidden',
    rule: 'has(self.managedBy) ? has(oldSelf.managedBy) && self.managedBy == oldSelf.managedBy : !has(oldSelf.managedBy)',
    message: 'Keep managedBy as it is or create another resource: one controller does not know what another has begun',
  },
];

/** Overrides of the pods that would break what the operator puts there itself. */
export const podRules: readonly Rule[] = [
  {
    path: 'spec.pod.env[]', fieldPath: '.name', rule: "!self.name.startsWith('SRDIT_')",
    message: 'Choose a name that does not begin with SRDIT_: the operator sets those',
  },
  {
    path: 'spec.pod.env[]', rule: '!(has(self.value) && has(self.valueFrom))',
    message: 'Set at most one of value and valueFrom',
  },
  ...(['labels', 'annotations'] as const).map((field): Rule => ({
    path: `spec.pod.${field}`, rule: "self.all(key, !key.startsWith('srdit.dev/'))",
    message: `Choose keys that do not begin with srdit.dev/: the operator sets those ${field}`,
  })),
  {
    path: 'spec.pod.volumes[]', fieldPath: '.name', rule: "!self.name.startsWith('srdit-')",
    message: 'Choose a name that does not begin with srdit-: the operator adds volumes of those names',
  },
  {
    path: 'spec.pod.volumes[]',
    rule: '[has(self.configMap), has(self.csi), has(self.emptyDir), has(self.persistentVolumeClaim), has(self.secret)].filter(set, set).size() == 1',
    message: 'Set exactly one of configMap, csi, emptyDir, persistentVolumeClaim and secret',
  },
  {
    path: 'spec.pod.volumeMounts[]', fieldPath: '.mountPath', rule: "self.mountPath.startsWith('/') && !self.mountPath.matches('^/(dev|proc|sys)(/|$)|^/$')",
    message: 'Set mountPath to an absolute path outside /dev, /proc and /sys',
  },
  {
    path: 'spec.pod', fieldPath: '.volumeMounts',
    rule: '!has(self.volumeMounts) || self.volumeMounts.all(mount, has(self.volumes) && self.volumes.exists(volume, volume.name == mount.name))',
    message: 'Give each of volumeMounts the name of one of pod.volumes',
  },
];
