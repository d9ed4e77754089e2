import { gangChangeRule, guidanceRules, lastingRules, managedByRules, nameRules, podRules, uriRules } from './shared.ts';
import { letting, type Rule } from './rule.ts';

const ranks = '(gang.workers * gang.ranksPerWorker)';

export const trainingRules: readonly Rule[] = [
  ...nameRules,
  {
    path: 'spec.model', rule: 'has(self.preset) != has(self.size)',
    message: 'Set exactly one of model.preset and model.size',
  },
  {
    path: 'spec.model.size', fieldPath: '.hiddenSize', rule: 'self.hiddenSize % (4 * self.heads) == 0',
    message: 'Set hiddenSize to a multiple of 4 x heads: rotary pairs in two dimensions need heads whose width is a multiple of 4',
  },
  {
    path: 'spec.model', fieldPath: '.routing', rule: '!self.routing.enabled || !has(self.size) || self.size.depth >= 4',
    message: 'Set model.size.depth to at least 4, or model.routing.enabled to false: routing keeps two blocks before and two after the routed ones',
  },
  {
    path: 'spec', fieldPath: '.model.classToken', rule: 'self.data.teacherFeatures || !self.model.classToken',
    message: 'Set model.classToken to false, or use a data set with teacher features and set data.teacherFeatures to true',
  },
  {
    path: 'spec', fieldPath: '.objective.alignment.enabled', rule: 'self.data.teacherFeatures || !self.objective.alignment.enabled',
    message: 'Set objective.alignment.enabled to false, or use a data set with teacher features and set data.teacherFeatures to true',
  },
  {
    path: 'spec', fieldPath: '.objective.alignment.enabled',
    rule: "!self.objective.alignment.enabled || ((!has(self.model.preset) || self.model.preset.endsWith('/1')) && (!has(self.model.size) || self.model.size.patchSize == 1))",
    message: "Set the patch size to 1 (a preset that ends with /1, or model.size.patchSize), or objective.alignment.enabled to false: alignment pairs each token with one of the teacher's",
  },
  {
    path: 'spec', fieldPath: '.batchSize', rule: letting('gang', 'self.gang', `${ranks} < 1 || self.batchSize % ${ranks} == 0`),
    message: 'Set batchSize to a multiple of gang.workers x gang.ranksPerWorker: every rank takes an equal share',
  },
  {
    path: 'spec', fieldPath: '.batchSize', rule: `self.objective.contrastive.coefficient == 0.0 || ${letting('gang', 'self.gang', `self.batchSize >= 2 * ${ranks}`)}`,
    message: 'Set batchSize to at least 2 x gang.workers x gang.ranksPerWorker, or objective.contrastive.coefficient to 0: each picture is contrasted with another of its rank',
  },
  {
    path: 'spec', fieldPath: '.optimizer', rule: letting('optimizer', 'self.optimizer', 'optimizer.warmupSteps + optimizer.decaySteps <= self.steps'),
    message: 'Set optimizer.warmupSteps + optimizer.decaySteps to at most steps',
  },
  ...guidanceRules('samples.sampler'),
  ...uriRules('spec.data.uri'),
  ...uriRules('spec.storage.uri'),
  ...managedByRules,
  ...podRules,
  ...lastingRules('SRDiTTraining', ['seed', 'model', 'objective', 'data', 'optimizer', 'batchSize', 'accumulation', 'precision', 'storage']),
  {
    path: 'spec.steps', reason: 'FieldValueForbidden', rule: 'self >= oldSelf',
    message: 'Keep steps or raise it: steps that were taken cannot be taken back',
  },
  {
    path: 'spec', fieldPath: '.steps', reason: 'FieldValueForbidden', rule: 'self.steps == oldSelf.steps || self.suspend || oldSelf.suspend',
    message: 'Set suspend to true before or together with a change of steps',
  },
  gangChangeRule,
];
