import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseResources } from '@srdit/crds/parse';
import { quickstartResources } from './resources.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/quickstart', import.meta.url));

test('without a number of steps the files are taken as they are', () => {
  const { training, evaluation } = quickstartResources(EXAMPLES);
  assert.equal(training.resource.metadata.name, evaluation.resource.spec.checkpoint.training?.name);
  assert.deepEqual(quickstartResources(EXAMPLES, training.resource.spec.steps), { training, evaluation });
});

for (const steps of [1, 30, 77, 5000, 100_000]) test(`a run of ${steps} steps is a valid resource of its own`, () => {
  const { training: whole, evaluation: wholeEvaluation } = quickstartResources(EXAMPLES);
  const { training, evaluation } = quickstartResources(EXAMPLES, steps);
  assert.equal(training.resource.spec.steps, steps);
  assert.equal(training.resource.spec.data.uri, whole.resource.spec.data.uri);
  assert.notEqual(training.resource.metadata.name, whole.resource.metadata.name);
  assert.notEqual(training.resource.spec.storage.uri, whole.resource.spec.storage.uri);
  assert.notEqual(evaluation.resource.spec.storage.uri, wholeEvaluation.resource.spec.storage.uri);
  assert.equal(evaluation.resource.spec.checkpoint.training?.name, training.resource.metadata.name);
  // What is shown is what ran.
  assert.deepEqual(parseResources(training.text, 'text'), [training.resource]);
  assert.match(training.text, /# /, 'comments are kept');
});

test('what counts steps keeps its share of them', () => {
  const whole = quickstartResources(EXAMPLES).training.resource.spec;
  const half = quickstartResources(EXAMPLES, whole.steps / 2).training.resource.spec;
  assert.equal(half.optimizer.decaySteps, whole.optimizer.decaySteps / 2);
  assert.ok(Math.abs((1 - half.optimizer.emaDecay) / (1 - whole.optimizer.emaDecay) - 2) < 1e-3);
});

test('files that hold something else are refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'srdit-quickstart-'));
  try {
    assert.throws(() => quickstartResources(folder), /Cannot read .*training\.yaml/);
    cpSync(join(EXAMPLES, 'evaluation.yaml'), join(folder, 'training.yaml'));
    assert.throws(() => quickstartResources(folder), /needs one SRDiTTraining/);
    cpSync(join(EXAMPLES, 'evaluation.yaml'), join(folder, 'evaluation.yaml'));
    writeFileSync(join(folder, 'training.yaml'), 'kind: [');
    assert.throws(() => quickstartResources(folder), /training\.yaml:/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
