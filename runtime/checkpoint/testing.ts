import { ObjectiveSpec } from '@srdit/crds';
import { initialParameters, parameterTable } from '../model/parameters.ts';
import type { ModelConfig } from '../model/config.ts';
import type { TensorEntry } from '../safetensors/types.ts';
import { bytesOf } from '../safetensors/write.ts';
import type { Identity } from './claim.ts';
import type { Contents } from './write.ts';

export const identity = (attempt: number, more: Partial<Identity> = {}): Identity => ({ uid: 'uid-1', namespace: 'default', name: 'tiny', attempt, ...more });

export const TINY: ModelConfig = {
  depth: 4, hiddenSize: 8, heads: 2, patchSize: 1, mlpRatio: 2, numClasses: 3, channels: 2, latentSize: 2,
  qkNorm: true, rope: true, valueResidual: true, classTokenWidth: 0, featureWidths: [], projectorWidth: 8,
  routing: { enabled: true, keepRatio: 0.5, pathDropProb: 0.05 }, labelDropProb: 0.1,
};

/** A checkpoint of step `step` whose every number follows from it. */
export function contents(step: number, lossEma?: number, model: ModelConfig = TINY): Contents {
  const weights = initialParameters(model, step);
  const entry = (name: string, prefix = ''): TensorEntry => {
    const { shape } = parameterTable(model).find((info) => info.name === name) as { shape: readonly number[] };
    return { name: prefix + name, dtype: 'F32', shape, bytes: bytesOf(weights[name] as Float32Array) };
  };
  const all = parameterTable(model);
  const trained = all.filter((info) => info.kind === 'trained');
  return {
    manifest: {
      training: { uid: 'uid-1', namespace: 'default', name: 'tiny', generation: 1 }, step, world: 1, seed: 0,
      data: { digest: 'd', epoch: 0, position: step }, model, objective: ObjectiveSpec.parse({}),
      tokenizer: { kind: 'pixel' }, ...(lossEma !== undefined && { lossEma }),
    },
    files: {
      'model.safetensors': all.map((info) => entry(info.name)), 'ema.safetensors': all.map((info) => entry(info.name)),
      'optimizer.safetensors': [...trained.map((info) => entry(info.name, 'm.')), ...trained.map((info) => entry(info.name, 'v.'))],
    },
  };
}

/** Large enough for its files to go up in several parts. */
export const CRASH_MODEL: ModelConfig = { ...TINY, hiddenSize: 96, projectorWidth: 96 };
