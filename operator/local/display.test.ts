import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvaluationResult } from '@srdit/crds';
import { parseResource } from '@srdit/crds/parse';
import { evaluation, training } from '../plan/testing/resources.ts';
import type { Observed, Status } from '../plan/types.ts';
import { terminalDisplay } from './display.ts';
import { admit, type Stored } from './state.ts';

const NOW = '2026-01-01T00:00:00.000Z';
const observed: Observed = { now: NOW, jobs: [], pods: [] };
const every = { checkpoint: { training: { name: 't', which: 'Every', everySteps: 100 } } };
const stored = (gang: ReturnType<typeof training> | ReturnType<typeof evaluation>, status: Status): Stored =>
  ({ ...admit(parseResource({ apiVersion: 'srdit.dev/v1alpha1', kind: gang.kind, metadata: { name: gang.metadata.name }, spec: gang.spec }), undefined, NOW), status } as Stored);
const trains = (step: number): Stored => stored(training(), { state: 'Running', attempt: 1, progress: { step, of: 100, percent: step } });
const measures = (pictures: number, more: Status = {}): Stored =>
  stored(evaluation(every), { state: 'Running', attempt: 2, progress: { pictures, of: 64, percent: 50 }, series: { measured: 0, round: { step: 200, uri: 'file:///runs/t/attempts/1/checkpoints/000000200' } }, ...more });
const result: EvaluationResult = { checkpoint: 'file:///c', step: 200, count: 64, features: 'pixels 8x8', frechetDistance: 0.52149, precision: 0.5, recall: 0.25 };
const waits = stored(evaluation(every), {
  state: 'Pending', attempt: 2, results: [result], series: { measured: 1, through: 200 },
  conditions: [{ type: 'Running', status: 'False', reason: 'CheckpointNotWritten', message: 'Waiting for the checkpoint of step 300', lastTransitionTime: NOW, observedGeneration: 1 }],
});

test('two at once in a pipe: each piece of news once, a result a line, progress of both now and then', () => {
  let now = 0;
  let told = '';
  const display = terminalDisplay({ write: (text) => { told += text; } }, () => now);
  display.begin(trains(0));
  display.begin(measures(0));
  for (let second = 0; second < 25; second += 1) {
    now += 1000;
    display.update(trains(second), observed);
    display.update(second < 20 ? measures(second) : waits, observed);
  }
  assert.deepEqual(told.trimEnd().split('\n'), [
    'training t: attempt 1 runs, 2 ranks in 2 workers',
    'evaluation e: attempt 2 runs on the checkpoint of step 200, 1 rank in 1 worker',
    'training t: step 9/100 (9 %)',
    'evaluation e: picture 9/64 (50 %)',
    'training t: step 19/100 (19 %)',
    'evaluation e: picture 19/64 (50 %)',
    'evaluation e: step 200: 64 pictures, Fréchet distance of pixels 8x8 0.5215, precision 0.5, recall 0.25',
    'evaluation e: Waiting for the checkpoint of step 300',
  ]);
});

test('two at once on a terminal: one line for both, and none for the one that waits', () => {
  const written: string[] = [];
  const display = terminalDisplay({ isTTY: true, columns: 120, write: (text) => { written.push(text); } });
  display.begin(trains(0));
  display.begin(measures(0));
  display.update(trains(25), observed);
  display.update(measures(7), observed);
  assert.equal(written.at(-1), '\rt [######------------------] step 25/100 (25 %) | evaluation e picture 7/64 (50 %)\u001b[K');
  display.update(waits, observed);
  display.update(trains(26), observed);
  assert.equal(written.at(-1), '\rt [######------------------] step 26/100 (26 %)\u001b[K');
});
