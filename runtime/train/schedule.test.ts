import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningRate } from './schedule.ts';

const at = (warmupSteps: number, decaySteps: number, k: number): number => learningRate({ learningRate: 1, warmupSteps, decaySteps }, k, 10);
const cases = {
  'constant without warm-up and decay': { warmup: 0, decay: 0, want: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1] },
  'rises over the first steps': { warmup: 4, decay: 0, want: [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1] },
  'falls over the last steps, the last still moves': { warmup: 0, decay: 4, want: [1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25] },
  'both at once multiply': { warmup: 10, decay: 10, want: [0.1, 0.18, 0.24, 0.28, 0.3, 0.3, 0.28, 0.24, 0.18, 0.1] },
};
for (const [name, { warmup, decay, want }] of Object.entries(cases)) {
  test(`learning rate: ${name}`, () => {
    want.forEach((rate, i) => { assert.ok(Math.abs(at(warmup, decay, i + 1) - rate) < 1e-12, `step ${i + 1}`); });
  });
}
