import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ObjectiveSpec, OptimizerSpec } from '@srdit/crds';
import { startEngine } from '../engine/index.ts';
import { BENCH_MODEL } from '../generate/bench.ts';
import { keptTokens, mlpWidth, tokenCount, type ModelConfig } from '../model/config.ts';
import { initialParameters, parameterTable } from '../model/parameters.ts';
import { freshState, KINDS, TrainingState } from './state.ts';
import { TrainStep } from './step.ts';
import { drawnBatch, TINY_MODEL } from './testing/model.ts';

const engine = startEngine({ threads: 2, device: 'cpu' });

/** A line of this process's memory, bytes: VmRSS now, VmHWM its peak. */
function memory(line: 'VmRSS' | 'VmHWM'): number {
  return 1024 * Number(new RegExp(`^${line}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

async function train(config: ModelConfig, batch: number, steps: number, each: (k: number) => void): Promise<void> {
  await using gang = await engine.joinGang({ rank: 0, addresses: ['localhost:1'] });
  using state = new TrainingState(engine, config, freshState(config, initialParameters(config, 1)));
  using step = new TrainStep(engine, gang, state, config, {
    objective: ObjectiveSpec.parse({}), optimizer: OptimizerSpec.parse({}), seed: 0, precision: 'float32', steps, accumulation: 1, batch,
  });
  const data = drawnBatch(config, batch, 1);
  for (let k = 1; k <= steps; k++) {
    using pending = await step.run(k, () => Promise.resolve(data), false);
    assert.ok(Number.isFinite(pending.read().loss));
    each(k);
  }
}

/** Bytes that the backward pass needs of the forward pass, float32. A block keeps, per token: input, two norms, two modulated
 *  norms, attention's result before and after its projection, the MLP's result (8 h), q, k, v (3 h), normed and turned
 *  q and k (4 h), mixed v (h), three hidden layers of the MLP, and a row of the softmax per head. */
function activationBytes(config: ModelConfig, batch: number): number {
  const { hiddenSize: h, heads, depth, projectorWidth, featureWidths } = config;
  const block = (tokens: number): number => batch * tokens * (16 * h + 3 * mlpWidth(config) + heads * tokens);
  const [all, kept] = [tokenCount(config), keptTokens(config)];
  const projectors = featureWidths.reduce((sum, width) => sum + batch * all * (4 * projectorWidth + 2 * width), 0);
  return 4 * (4 * block(all) + (depth - 4) * block(kept) + projectors);
}

// First, while the process has no other peak behind it.
test('the peak stays below 2.5 x (parameters, moments, average, one batch of activations)', { timeout: 900_000 }, async (t) => {
  const parameters = parameterTable(BENCH_MODEL).filter((info) => info.kind === 'trained').reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const state = KINDS.length * 4 * parameters;
  const activations = activationBytes(BENCH_MODEL, 8);
  // What Node, tfjs and TensorFlow's libraries take before there is a model.
  const baseline = memory('VmRSS');
  await train(BENCH_MODEL, 8, 3, () => undefined);
  const peak = memory('VmHWM') - baseline;
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  t.diagnostic(`${parameters} parameters: state ${mb(state)}, activations ${mb(activations)}, peak ${mb(peak)} above the ${mb(baseline)} of an empty process: ${(peak / (state + activations)).toFixed(2)} x`);
  assert.ok(peak < 2.5 * (state + activations), `${mb(peak)} is not below 2.5 x ${mb(state + activations)}`);
});

test('500 steps leave resident memory and live handles where they were', { timeout: 900_000 }, async (t) => {
  const resident: number[] = [];
  let live = '';
  await train(TINY_MODEL, 8, 500, (k) => {
    // Warm: compiled, and the allocators have what they need.
    if (k === 50) live = JSON.stringify(engine.live);
    if (k >= 50 && k % 50 === 0) {
      resident.push(memory('VmRSS'));
      assert.equal(JSON.stringify(engine.live), live, `handles alive at step ${k}`);
    }
  });
  t.diagnostic(`resident at steps 50, 100 .. 500, MB: ${resident.map((bytes) => (bytes / 1e6).toFixed(0)).join(' ')}`);
  const [first = NaN] = resident;
  assert.ok(Math.max(...resident) <= 1.05 * first, `from ${first} to at most ${Math.max(...resident)} bytes`);
  assert.deepEqual(engine.live, { tensors: 0, variables: 0, functions: 0 });
});
