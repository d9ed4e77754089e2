import * as z from 'zod';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable } from '../model/parameters.ts';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { State } from '../engine/types.ts';
import { FixtureError, type Tensors } from './fixture.ts';

/** The network's description in fixtures, in the words of the reference. */
export const FixtureModel = z.object({
  class_dropout_prob: z.number().default(0.1), qk_norm: z.boolean(), mlp_ratio: z.number(), input_size: z.int(), patch_size: z.int(),
  in_channels: z.int(), hidden_size: z.int(), depth: z.int(), num_heads: z.int(), num_classes: z.int(),
  z_dims: z.array(z.int()).min(1), projector_dim: z.int(),
});

/** The reference's fixed probabilities: a quarter of the tokens, one path drop in twenty. */
const ROUTING = { enabled: true, keepRatio: 0.25, pathDropProb: 0.05 } as const;

export function fixtureModel(config: unknown): ModelConfig {
  const model = FixtureModel.parse(config);
  return {
    depth: model.depth, hiddenSize: model.hidden_size, heads: model.num_heads, patchSize: model.patch_size, mlpRatio: model.mlp_ratio,
    numClasses: model.num_classes, channels: model.in_channels, latentSize: model.input_size, qkNorm: model.qk_norm, rope: true, valueResidual: true,
    // The class token is the class feature of the last encoder.
    classTokenWidth: model.z_dims.at(-1) as number, featureWidths: model.z_dims, projectorWidth: model.projector_dim,
    routing: ROUTING, labelDropProb: model.class_dropout_prob,
  };
}

/** The weights, every tensor of the model's state dict and no other, in the shapes expected. */
export function checkedWeights(config: ModelConfig, weights: Tensors): Tensors {
  const table = parameterTable(config);
  const wrong = table.filter(({ name, shape }) => String(weights[name]?.shape) !== String(shape)).map(({ name }) => name);
  const extra = Object.keys(weights).filter((name) => !table.some((info) => info.name === name));
  if (wrong.length + extra.length > 0) {
    throw new FixtureError(`The weights do not fit the model of the manifest: missing or of another shape ${JSON.stringify(wrong)}, not expected ${JSON.stringify(extra)}`);
  }
  return weights;
}


/** Every tensor of the state dict, as a function that is traced reads them. */
export function parametersOf(config: ModelConfig, state: State): Record<string, Tensor> {
  return Object.fromEntries(parameterTable(config).map(({ name }) => [name, state.read(name)]));
}
