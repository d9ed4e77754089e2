import type { ModelConfig } from '../runtime/model/config.ts';

/** The network and batch that every bench uses unless told otherwise: 40.3 M parameters, all techniques on. */
export const BENCH_CONFIG: ModelConfig = {
  depth: 12, hiddenSize: 384, heads: 6, patchSize: 1, mlpRatio: 4, numClasses: 1000,
  channels: 32, latentSize: 8, qkNorm: true, rope: true, valueResidual: true,
  classTokenWidth: 768, featureWidths: [768], projectorWidth: 2048,
  routing: { enabled: true, keepRatio: 0.25, pathDropProb: 0.05 }, labelDropProb: 0.1,
};

export const BENCH_BATCH = 8;
export const BENCH_THREADS = 2;

/** What the peer must build to be the same model. */
export function peerConfig(config: ModelConfig, batch: number, threads: number): Record<string, number> {
  return {
    depth: config.depth, hidden: config.hiddenSize, heads: config.heads, channels: config.channels, side: config.latentSize, classes: config.numClasses,
    cls: config.classTokenWidth, features: config.featureWidths[0] ?? 0, projector: config.projectorWidth, batch, threads,
  };
}
