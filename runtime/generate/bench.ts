import { SamplerSpec } from '@srdit/crds';
import type { Engine, Variable } from '../engine/types.ts';
import { compileNetwork } from '../flow/network.ts';
import { sample } from '../flow/sampler.ts';
import { median } from '../median.ts';
import type { ModelConfig } from '../model/config.ts';
import { initialParameters, parameterTable } from '../model/parameters.ts';

/** The model that speed is quoted for: 40.3 M parameters, all techniques on. */
export const BENCH_MODEL: ModelConfig = {
  depth: 12, hiddenSize: 384, heads: 6, patchSize: 1, mlpRatio: 4, numClasses: 1000, channels: 32, latentSize: 8,
  qkNorm: true, rope: true, valueResidual: true, classTokenWidth: 768, featureWidths: [768], projectorWidth: 2048,
  routing: { enabled: true, keepRatio: 0.25, pathDropProb: 0.05 }, labelDropProb: 0.1,
};

export interface SampleBenchOptions {
  readonly model?: ModelConfig;
  /** Pictures drawn together; default 8. */
  readonly batch?: number;
  /** SDE steps; default 10. */
  readonly steps?: number;
  /** Timed repetitions after one untimed; default 5. */
  readonly repeats?: number;
  readonly precision?: 'float32' | 'bfloat16';
}

export interface SampleBench {
  readonly name: 'plain' | 'guided';
  /** Median over the repetitions. */
  readonly imagesPerSecond: number;
  readonly secondsPerBatch: number;
  /** CPU time of a batch, all threads, median. */
  readonly cpuSecondsPerBatch: number;
  /** Tracing, compiling and the first batch. */
  readonly firstSeconds: number;
}

/** Times sampling with fresh weights: plain, and guided with path drop (two network evaluations a step). */
export async function benchSample(engine: Engine, options: SampleBenchOptions = {}): Promise<SampleBench[]> {
  const { model = BENCH_MODEL, batch = 8, steps = 10, repeats = 5, precision = 'float32' } = options;
  const weights = initialParameters(model, 0);
  using held = new DisposableStack();
  const variables: Record<string, Variable> = {};
  for (const { name, shape, kind } of parameterTable(model)) {
    if (kind === 'trained') variables[name] = held.use(engine.variable(name, weights[name] as Float32Array, shape));
  }
  const results: SampleBench[] = [];
  for (const name of ['plain', 'guided'] as const) {
    const guided = name === 'guided';
    const sampling = {
      sampler: SamplerSpec.parse({ kind: 'SDE', steps, guidance: guided ? { scale: 1.5, classTokenScale: 1.5, pathDrop: true } : {} }),
      timeShift: { enabled: true, base: 4096 }, path: 'linear' as const,
    };
    const started = performance.now();
    using network = compileNetwork(engine, variables, model, batch, { guided, pathDrop: true, precision });
    const request = { pictures: Array.from({ length: batch }, (_, i) => i), labels: Array.from({ length: batch }, (_, i) => i % model.numClasses), seed: 0 };
    await sample(network, model, sampling, request);
    const firstSeconds = (performance.now() - started) / 1000;
    const times: number[] = [];
    const cpu: number[] = [];
    for (let i = 0; i < repeats; i++) {
      const cpuBefore = process.cpuUsage();
      const before = performance.now();
      await sample(network, model, sampling, request);
      times.push((performance.now() - before) / 1000);
      const { user, system } = process.cpuUsage(cpuBefore);
      cpu.push((user + system) / 1e6);
    }
    const secondsPerBatch = median(times);
    results.push({ name, imagesPerSecond: batch / secondsPerBatch, secondsPerBatch, cpuSecondsPerBatch: median(cpu), firstSeconds });
  }
  return results;
}
