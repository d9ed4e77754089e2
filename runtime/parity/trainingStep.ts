import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { ObjectiveSpec } from '@srdit/crds';
import type { State, Tensors as NamedTensors } from '../engine/types.ts';
import type { TrainingDraws } from '../flow/draws.ts';
import { objective, type Losses, type TrainingBatch } from '../flow/objective.ts';
import { shiftFactor, shiftTime } from '../flow/timeShift.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable } from '../model/parameters.ts';
import type { Probe } from '../model/sit.ts';
import { timeTable } from '../model/tables.ts';
import { rowsOf, tensorOf, type HostTensor, type Tensors } from './fixture.ts';
import { parametersOf } from './modelConfig.ts';
import type { Precision } from './runner.ts';

/** Coefficients and options of a loss fixture, as the schema says them. */
export interface LossOptions {
  readonly path: 'linear' | 'cosine';
  readonly timeSampling: 'uniform' | 'lognormal';
  readonly timeShift: boolean;
  readonly shiftBase: number;
  readonly contrastiveWeighting: 'uniform' | 'linear';
  readonly coefficients: { readonly proj: number; readonly cls: number; readonly cfm: number };
}

export function objectiveSpec(options: LossOptions): ObjectiveSpec {
  return ObjectiveSpec.parse({
    path: options.path, timeSampling: options.timeSampling, timeShift: { enabled: options.timeShift, base: options.shiftBase },
    alignment: { coefficient: options.coefficients.proj }, classToken: { coefficient: options.coefficients.cls },
    contrastive: { coefficient: options.coefficients.cfm, weighting: options.contrastiveWeighting },
  });
}

/** Arguments of a training step from recorded inputs ("in/") and draws; rows from..to where a rank owns a part. */
export function trainingArguments(inputs: Tensors, inputPrefix: string, draws: Tensors, drawPrefix: string, options: { train: boolean; rows?: readonly [number, number] }): Record<string, HostTensor> {
  const own = (tensor: HostTensor): HostTensor => (options.rows === undefined ? tensor : rowsOf(tensor, ...options.rows));
  const input = (name: string): HostTensor => own(tensorOf(inputs, inputPrefix + name));
  const draw = (name: string): HostTensor => own(tensorOf(draws, drawPrefix + name));
  return {
    latents: input('x'), labels: input('y'), cls: input('cls_token'),
    ...Object.fromEntries(Object.keys(inputs).filter((name) => name.startsWith(`${inputPrefix}zs`)).map((name) => [name.slice(inputPrefix.length), own(tensorOf(inputs, name))])),
    time: draw('time_draw'), noise: draw('noise'), classNoise: draw('cls_noise'),
    ...(options.train && {
      labelDrop: draw('label_drop_noise'), tokens: draw('token_noise'),
      pathDrop: tensorOf(draws, `${drawPrefix}path_drop_draw`), // one for the whole global batch
    }),
  };
}

/** The reference's float32 time table for these draws, for runs in float64. */
export function float32TimeTable(config: ModelConfig, spec: ObjectiveSpec, time: HostTensor): HostTensor {
  const factor = shiftFactor(config, spec.timeShift);
  const times = Array.from(time.data, (draw) => {
    const s = Math.exp(draw);
    const t = spec.timeSampling === 'uniform' ? draw : spec.path === 'linear' ? s / (1 + s) : Math.atan(s) * 2 / Math.PI;
    return shiftTime(t, factor);
  });
  return { shape: [times.length, 256], data: timeTable(times) };
}

/** Names of the parameters that have a gradient: in eval mode the mask token has none. */
export function differentiated(config: ModelConfig, train: boolean): string[] {
  return parameterTable(config).filter(({ name, kind }) => kind === 'trained' && (train || name !== 'mask_token')).map(({ name }) => name);
}

/** Losses and gradients of one micro-batch, inside a traced function. */
export function lossesAndGradients(
  args: NamedTensors, state: State, config: ModelConfig, spec: ObjectiveSpec, options: { train: boolean; precision: Precision; probe?: Probe },
): { losses: Losses; gradients: Tensor[] } {
  const p = parametersOf(config, state);
  const names = differentiated(config, options.train);
  const batch: TrainingBatch = {
    latents: args.latents as Tensor, labels: args.labels as Tensor, cls: args.cls,
    features: config.featureWidths.map((_, j) => args[`zs${j}`] as Tensor),
  };
  const draws: TrainingDraws = {
    time: args.time as Tensor, noise: args.noise as Tensor, classNoise: args.classNoise as Tensor,
    ...(options.train && { network: { labelDrop: args.labelDrop as Tensor, tokens: args.tokens as Tensor, pathDrop: args.pathDrop as Tensor } }),
  };
  let losses: Losses | undefined;
  const gradients = tf.grads((...values: Tensor[]) => {
    const traced = { ...p, ...Object.fromEntries(names.map((name, i) => [name, values[i] as Tensor])) };
    losses = objective(traced, config, spec, batch, draws, {
      timeTable: args.timeTable, ...(options.probe && { probe: options.probe }), ...(options.precision === 'float64' && { qkEpsilon: Number.EPSILON }),
    });
    // They leave the scope that the gradient tidies.
    for (const loss of Object.values(losses) as Tensor[]) tf.keep(loss);
    return losses.total;
  })(names.map((name) => p[name] as Tensor));
  return { losses: losses as unknown as Losses, gradients };
}
