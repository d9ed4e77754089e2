import { ObjectiveSpec, OptimizerSpec } from '@srdit/crds';
import { startEngine } from '../runtime/engine/index.ts';
import { initialParameters } from '../runtime/model/parameters.ts';
import { BENCH_MODEL } from '../runtime/generate/bench.ts';
import { freshState, TrainingState } from '../runtime/train/state.ts';
import { TrainStep } from '../runtime/train/step.ts';
import { usage } from './usage.ts';

export interface TraceResult { readonly nodes: number; readonly traceSeconds: number; readonly cpuSeconds: number; readonly peakRss: number }

/** Times turning the training step (forward, backward, clip, AdamW, EMA) into one TensorFlow function; nothing is computed. */
export async function benchTrace({ batch, threads }: { batch: number; threads: number }): Promise<TraceResult> {
  const engine = startEngine({ threads });
  await using gang = await engine.joinGang({ rank: 0, addresses: ['localhost:0'] });
  using state = new TrainingState(engine, BENCH_MODEL, freshState(BENCH_MODEL, initialParameters(BENCH_MODEL, 1)));
  const start = performance.now(), cpu = usage().cpuSeconds;
  using step = new TrainStep(engine, gang, state, BENCH_MODEL, {
    objective: ObjectiveSpec.parse({}), optimizer: OptimizerSpec.parse({}), seed: 0, precision: 'float32', steps: 1, accumulation: 1, batch,
  });
  return { nodes: step.nodes, traceSeconds: (performance.now() - start) / 1000, cpuSeconds: usage().cpuSeconds - cpu, peakRss: usage().peakRss };
}
