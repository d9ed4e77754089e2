import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectiveSpec, OptimizerSpec } from '@srdit/crds';
import { startEngine } from '../engine/index.ts';
import { initialParameters } from '../model/parameters.ts';
import { freshState, TrainingState } from './state.ts';
import { TrainStep, type StepReport } from './step.ts';
import { drawnBatch, TINY_MODEL } from './testing/model.ts';

const engine = startEngine({ threads: 1, device: 'cpu' });
const STEPS = 50;
const BATCH = 8;

/** Fits the same few batches again and again. */
async function train(precision: 'float32' | 'bfloat16'): Promise<StepReport[]> {
  await using gang = await engine.joinGang({ rank: 0, addresses: ['localhost:1'] });
  using state = new TrainingState(engine, TINY_MODEL, freshState(TINY_MODEL, initialParameters(TINY_MODEL, 1)));
  using step = new TrainStep(engine, gang, state, TINY_MODEL, {
    objective: ObjectiveSpec.parse({}), optimizer: OptimizerSpec.parse({ learningRate: 2e-3, warmupSteps: 0 }), seed: 3, precision, steps: STEPS, accumulation: 1, batch: BATCH,
  });
  const reports: StepReport[] = [];
  for (let k = 1; k <= STEPS; k++) {
    using pending = await step.run(k, () => Promise.resolve(drawnBatch(TINY_MODEL, BATCH, k % 2)), false);
    reports.push(pending.read());
  }
  return reports;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const lastLosses = (reports: readonly StepReport[]): number => mean(reports.slice(-10).map((report) => report.loss));

test('bfloat16 products train to nearly the loss of float32, and training leaves nothing alive', async () => {
  const exact = await train('float32');
  const narrow = await train('bfloat16');
  // 8 bits of mantissa: 2^-9 a product at most, less in a mean. Equal losses would mean that nothing was narrowed.
  const first = Math.abs(narrow[0]!.loss - exact[0]!.loss) / Math.abs(exact[0]!.loss);
  assert.ok(first > 0 && first < 0.01, `losses of step 1: ${exact[0]!.loss} and ${narrow[0]!.loss}`);
  assert.ok(Math.abs(narrow[0]!.gradNorm / exact[0]!.gradNorm - 1) < 0.02, `gradient norms: ${exact[0]!.gradNorm} and ${narrow[0]!.gradNorm}`);
  const learned = exact[0]!.loss - lastLosses(exact);
  assert.ok(learned > 0.2, `float32 went from ${exact[0]!.loss} to ${lastLosses(exact)}`);
  assert.ok(Math.abs(lastLosses(narrow) - lastLosses(exact)) < 0.1 * learned, `float32 ends at ${lastLosses(exact)}, bfloat16 at ${lastLosses(narrow)}`);
  assert.deepEqual(engine.live, { tensors: 0, variables: 0, functions: 0 });
});
