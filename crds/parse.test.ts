import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResource, parseResources, ResourceError } from './parse.ts';
import { SRDiTEvaluation, SRDiTTraining } from './resource.ts';
import { GOOD } from './wrong-specs.ts';

const messageOf = (yaml: string): string => {
  try {
    parseResources(yaml, 'training.yaml');
  } catch (error) {
    assert.ok(error instanceof ResourceError);
    return error.message;
  }
  return 'accepted';
};

const training = (spec: string): string => `apiVersion: srdit.dev/v1alpha1
kind: SRDiTTraining
metadata:
  name: emoji
spec:
  model: {preset: SiT-S/1}
  data: {uri: file:///data}
  storage: {uri: file:///runs/emoji}
${spec}`;

const cases: Record<string, { yaml: string; message: string }> = {
  'a wrong value is named with its line and path': {
    yaml: training('  steps: 10\n  optimizer:\n    learningRate: 0\n'),
    message: 'training.yaml:11: spec.optimizer.learningRate must be greater than 0, is 0',
  },
  'a rule speaks in its own sentence': {
    yaml: training('  steps: 10\n  batchSize: 3\n  gang: {workers: 2}\n  objective: {contrastive: {coefficient: 0}}\n'),
    message: 'training.yaml:10: spec.batchSize: Set batchSize to a multiple of gang.workers x gang.ranksPerWorker: every rank takes an equal share',
  },
  'a misspelt field is answered with the right one': {
    yaml: training('  steps: 10\n  optimiser: {}\n'), message: 'training.yaml:10: spec.optimiser is no field of spec (did you mean "optimizer"?)',
  },
  'a field at the wrong place is answered with its place': {
    yaml: training('  steps: 10\n  learningRate: 0.1\n'), message: 'training.yaml:10: spec.learningRate is no field of spec (did you mean spec.optimizer.learningRate?)',
  },
  'a field like no other is refused all the same': {
    yaml: training('  steps: 10\n  zzzzzzz: 0.1\n'), message: 'training.yaml:10: spec.zzzzzzz is no field of spec',
  },
  'a missing field is placed at what should hold it': {
    yaml: training('  batchSize: 8\n'), message: 'training.yaml:5: spec.steps is required: Optimizer steps',
  },
  'an unknown kind is answered with the right one': {
    yaml: 'apiVersion: srdit.dev/v1alpha1\nkind: SRDITraining\n', message: 'training.yaml:2: kind must be SRDiTTraining or SRDiTEvaluation, is "SRDITraining" (did you mean "SRDiTTraining"?)',
  },
  'another version is refused': {
    yaml: 'apiVersion: srdit.dev/v1\nkind: SRDiTTraining\n', message: 'training.yaml:1: apiVersion must be srdit.dev/v1alpha1, is "srdit.dev/v1"',
  },
  'a resource without a name is refused': {
    yaml: training('  steps: 10\n').replace('  name: emoji', '  labels: {}'), message: 'training.yaml:3: metadata.name is required',
  },
  'a text without resources is refused': {
    yaml: '# nothing\n', message: 'training.yaml: Cannot find a resource: the text is empty. Write an SRDiTTraining or SRDiTEvaluation',
  },
  'a list is no resource': { yaml: '- 1\n', message: 'training.yaml:1: A resource must be a map of fields, is [1]' },
  'problems of all documents come together': {
    yaml: `${training('  steps: 0\n')}---\n${training('  steps: 1.5\n')}`,
    message: 'training.yaml:9: spec.steps must be at least 1, is 0\ntraining.yaml:19: spec.steps must be a whole number, is 1.5',
  },
  'a field written twice is refused': { yaml: training('  steps: 1\n  steps: 2\n'), message: 'training.yaml:10: Cannot read YAML: Map keys must be unique' },
};
for (const [name, { yaml, message }] of Object.entries(cases)) test(name, () => { assert.equal(messageOf(yaml), message); });

test('YAML is read as kubectl reads it: 1.1 without times and sexagesimals', () => {
  const [read] = parseResources(`${training('  steps: 0x10\n  suspend: yes\n')}`.replace('emoji}', '12:30}'), 'training.yaml');
  assert.ok(read?.kind === 'SRDiTTraining');
  assert.equal(read.spec.steps, 16);
  assert.equal(read.spec.suspend, true);
  assert.equal(messageOf(training('  steps: 1:30\n')), 'training.yaml:9: spec.steps must be a whole number, is "1:30"');
  assert.equal(messageOf(training('  steps: 2026-01-31\n')), 'training.yaml:9: spec.steps must be a whole number, is "2026-01-31"');
});

test('defaults reach every depth, and are the ones that zod puts in', () => {
  const training = parseResource(GOOD.SRDiTTraining);
  assert.deepEqual(training, SRDiTTraining.parse(GOOD.SRDiTTraining));
  assert.ok(training.kind === 'SRDiTTraining');
  assert.equal(training.spec.samples.sampler.guidance.high, 1);
  assert.deepEqual(parseResource(GOOD.SRDiTEvaluation), SRDiTEvaluation.parse(GOOD.SRDiTEvaluation));
});

test('what was parsed parses again to the same', () => {
  const training = parseResource(GOOD.SRDiTTraining);
  assert.deepEqual(parseResource(structuredClone(training)), training);
});

test('an update that keeps to the rules is taken', () => {
  const old = parseResource({ ...(GOOD.SRDiTTraining as object) });
  assert.ok(old.kind === 'SRDiTTraining');
  const next = parseResource({ ...old, spec: { ...old.spec, suspend: true, steps: 800_000, gang: { ...old.spec.gang, workers: 4 } } }, old);
  assert.ok(next.kind === 'SRDiTTraining');
  assert.equal(next.spec.gang.workers, 4);
});

test('a resource as kubectl get -o yaml prints it is taken, status included', () => {
  const [read] = parseResources(`${training('  steps: 10\n')}status:
  observedGeneration: 1
  state: Running
  conditions:
  - {type: Running, status: "True", reason: AllRanksTraining, message: All ranks are training, lastTransitionTime: "2026-01-31T12:00:00Z", observedGeneration: 1}
`.replace('  name: emoji', '  name: emoji\n  uid: "1"\n  generation: 1\n  managedFields: [{manager: kubectl, operation: Apply, fieldsV1: {"f:spec": {}}}]'), 'training.yaml');
  assert.equal(read?.status?.state, 'Running');
});
