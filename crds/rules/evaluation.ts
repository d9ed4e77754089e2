import { gangChangeRule, guidanceRules, lastingRules, managedByRules, nameRules, podRules, uriRules } from './shared.ts';
import { letting, type Rule } from './rule.ts';

export const evaluationRules: readonly Rule[] = [
  ...nameRules,
  {
    path: 'spec.checkpoint', rule: 'has(self.uri) != has(self.training)',
    message: 'Set exactly one of checkpoint.uri and checkpoint.training',
  },
  {
    path: 'spec.checkpoint.training', fieldPath: '.everySteps', rule: "self.which != 'Every' || has(self.everySteps)",
    message: 'Set everySteps to the steps from one measured checkpoint to the next, or which to Last or Best',
  },
  {
    path: 'spec.checkpoint.training', fieldPath: '.everySteps', rule: "self.which == 'Every' || !has(self.everySteps)",
    message: 'Set which to Every, or remove everySteps: Last and Best are one checkpoint',
  },
  {
    path: 'spec.reference', rule: 'has(self.data) != has(self.npz)',
    message: 'Set exactly one of reference.data and reference.npz',
  },
  {
    path: 'spec', fieldPath: '.neighbours', rule: 'self.neighbours < self.count',
    message: 'Set neighbours to less than count: precision and recall look at that many other pictures',
  },
  {
    path: 'spec', fieldPath: '.count', rule: letting('gang', 'self.gang', 'self.count >= gang.workers * gang.ranksPerWorker'),
    message: 'Set count to at least gang.workers x gang.ranksPerWorker: every rank draws one picture or more',
  },
  ...guidanceRules('sampler'),
  ...uriRules('spec.checkpoint.uri'),
  ...uriRules('spec.reference.data'),
  ...uriRules('spec.reference.npz'),
  {
    path: 'spec.reference.npz', rule: "self.endsWith('.npz')",
    message: 'Set reference.npz to a file whose name ends with .npz, or name a packed data set in reference.data',
  },
  ...uriRules('spec.storage.uri'),
  ...managedByRules,
  ...podRules,
  ...lastingRules('SRDiTEvaluation', ['seed', 'checkpoint', 'sampler', 'count', 'balancedLabels', 'reference', 'features', 'neighbours', 'storage']),
  gangChangeRule,
];
