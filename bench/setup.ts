import type { ModelConfig } from '../runtime/model/config.ts';
export { BENCH_MODEL } from '../runtime/generate/bench.ts';

export const BENCH_BATCH = 8;
export const BENCH_THREADS = 2;

/** What the peer must build to be the same model. */
export function peerConfig(config: ModelConfig, batch: number, threads: number): Record<string, number> {
  return {
    depth: config.depth, hidden: config.hiddenSize, heads: config.heads, channels: config.channels, side: config.latentSize, classes: config.numClasses,
    cls: config.classTokenWidth, features: config.featureWidths[0] ?? 0, projector: config.projectorWidth, batch, threads,
  };
}
