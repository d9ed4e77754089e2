import type { HostBatch } from '../../data/batch.ts';
import { Philox } from '../../flow/philox.ts';
import { tokenCount, type ModelConfig } from '../../model/config.ts';

/** A model with every technique on, small enough to be compiled in a few seconds. */
export const TINY_MODEL: ModelConfig = {
  depth: 5, hiddenSize: 64, heads: 4, patchSize: 1, mlpRatio: 4, numClasses: 10, channels: 4, latentSize: 4,
  qkNorm: true, rope: true, valueResidual: true, classTokenWidth: 16, featureWidths: [16], projectorWidth: 64,
  routing: { enabled: true, keepRatio: 0.5, pathDropProb: 0.05 }, labelDropProb: 0.1,
};

/** A batch of the model's shapes, drawn from a seed. */
export function drawnBatch(config: ModelConfig, batch: number, seed: number): HostBatch {
  const normals = (stream: number, length: number): Float32Array => new Philox([seed, 0], [stream, 0]).normals(new Float32Array(length));
  const { channels, latentSize, classTokenWidth, featureWidths: [width = 0] } = config;
  return {
    latents: normals(0, batch * channels * latentSize ** 2),
    labels: Int32Array.from({ length: batch }, (_, i) => (seed + i) % config.numClasses),
    ...(classTokenWidth > 0 && { cls: normals(1, batch * classTokenWidth) }),
    ...(width > 0 && { features: normals(2, batch * tokenCount(config) * width) }),
  };
}
