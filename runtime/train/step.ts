import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ObjectiveSpec, OptimizerSpec } from '@srdit/crds';
import type { CompiledFunction, DeviceTensor, Engine, Gang, TensorSpec, Tensors } from '../engine/types.ts';
import type { HostBatch } from '../data/batch.ts';
import { drawShapes, drawTraining } from '../flow/draws.ts';
import { objective, type Losses } from '../flow/objective.ts';
import { adamScalars, clipScale, type AdamScalars } from '../flow/optimizer.ts';
import { tokenCount, type ModelConfig } from '../model/config.ts';
import { bucketSize, pack, planBuckets, unpack } from './buckets.ts';
import { learningRate } from './schedule.ts';
import type { TrainingState } from './state.ts';

export interface StepSpec {
  readonly objective: ObjectiveSpec;
  readonly optimizer: OptimizerSpec;
  readonly seed: number;
  readonly precision: 'float32' | 'bfloat16';
  readonly steps: number;
  readonly accumulation: number;
  /** Pictures of one micro-batch on one rank. */
  readonly batch: number;
}

/** What a step says of itself, means over ranks and micro-batches; losses without their coefficients except loss, the total. */
export interface StepReport {
  readonly loss: number;
  readonly denoise: number;
  readonly alignment: number;
  readonly classToken: number;
  readonly contrastive: number;
  /** Before clipping. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Some rank wants to stop. The same on every rank. */
  readonly stop: boolean;
}

/** A step under way: its report is on the device until asked for. */
export interface Pending extends Disposable {
  readonly step: number;
  /** Waits for the device. */
  read(): StepReport;
}

const LOSSES = ['total', 'denoise', 'alignment', 'classToken', 'contrastive'] as const satisfies readonly (keyof Losses)[];

/** The optimizer step: forward, backward, clip, AdamW and averaging, compiled. One rank without accumulation: a single
 *  function that never lets a gradient out. Otherwise gradients leave in a few flat buckets, are added up over
 *  micro-batches, averaged over ranks, and go into an update function. */
export class TrainStep implements Disposable {
  readonly #state: TrainingState;
  readonly #config: ModelConfig;
  readonly #spec: StepSpec;
  readonly #gang: Gang;
  readonly #functions: { readonly whole: CompiledFunction } | { readonly gradients: CompiledFunction; readonly add: CompiledFunction | undefined; readonly update: CompiledFunction };
  readonly #bucketNames: readonly string[];

  constructor(engine: Engine, gang: Gang, state: TrainingState, config: ModelConfig, spec: StepSpec) {
    this.#state = state;
    this.#config = config;
    this.#spec = spec;
    this.#gang = gang;
    const batch = batchSpecs(config, spec.batch);
    const draw: Record<string, TensorSpec> = { ...batch, micro: scalar('int32'), stop: vector(1) };
    const optimizer: Record<string, TensorSpec> = { scalars: vector(3) };
    const precision = spec.precision;
    if (gang.world === 1 && spec.accumulation === 1) {
      this.#bucketNames = [];
      this.#functions = {
        whole: engine.compile('train-step', (args, variables) => {
          const { losses, gradients } = this.#lossesAndGradients(args, state.parameters(variables));
          const norm = this.#update(gradients, args, variables);
          return { report: tf.concat([losses, tf.reshape(norm, [1])]) };
        }, { args: { ...draw, ...optimizer }, state: state.variables, precision }),
      };
      return;
    }
    const buckets = planBuckets(state.trained.map((info) => info.shape));
    const names = buckets.map((_, i) => `bucket${i}`);
    this.#bucketNames = names;
    const vectors = (prefix: string): Record<string, TensorSpec> => ({
      [`${prefix}losses`]: vector(LOSSES.length + 1),
      ...Object.fromEntries(buckets.map((bucket, i) => [`${prefix}bucket${i}`, vector(bucketSize(bucket))])),
    });
    const parameters = Object.fromEntries(Object.entries(state.variables).filter(([name]) => name.startsWith('model/')));
    this.#functions = {
      gradients: engine.compile('gradients', (args, variables) => {
        const { losses, gradients } = this.#lossesAndGradients(args, state.parameters(variables));
        return { losses, ...Object.fromEntries(pack(gradients, buckets).map((value, i) => [`bucket${i}`, value])) };
      }, { args: draw, state: parameters, precision }),
      add: spec.accumulation === 1 ? undefined : engine.compile('add-gradients', (args) => Object.fromEntries(
        ['losses', ...names].map((name) => [name, tf.add(args[`sum/${name}`] as Tensor, args[`next/${name}`] as Tensor)]),
      ), { args: { ...vectors('sum/'), ...vectors('next/') } }),
      update: engine.compile('update', (args, variables) => {
        const vectorsOf = names.map((name) => args[name] as Tensor);
        const norm = this.#update(unpack(vectorsOf, buckets), args, variables, vectorsOf);
        return { norm: tf.reshape(norm, [1]) };
      }, { args: { ...Object.fromEntries(buckets.map((bucket, i) => [`bucket${i}`, vector(bucketSize(bucket))])), ...optimizer }, state: state.variables }),
    };
  }

  /** Runs optimizer step k = 1, 2, ... on the next micro-batches. Rejects with PeerLostError when a rank is gone. */
  async run(k: number, next: () => Promise<HostBatch>, stop: boolean): Promise<Pending> {
    const { optimizer, steps, accumulation } = this.#spec;
    const rate = learningRate(optimizer, k, steps);
    const { keep, stepSize, rootScale } = adamScalars(optimizer, rate, k);
    const scalars = Float32Array.of(keep, stepSize, rootScale);
    const args = (m: number, batch: HostBatch) => ({
      latents: batch.latents, labels: batch.labels,
      ...(this.#config.classTokenWidth > 0 && { cls: needed(batch.cls, 'cls') }),
      ...(this.#config.featureWidths.length > 0 && { features: needed(batch.features, 'features') }),
      micro: Int32Array.of((k - 1) * accumulation + m), stop: Float32Array.of(stop ? 1 : 0),
    });

    const functions = this.#functions;
    if ('whole' in functions) {
      const { report } = await functions.whole.call({ ...args(0, await next()), scalars });
      return pending(k, rate, [report as DeviceTensor]);
    }
    let sums = await functions.gradients.call(args(0, await next()));
    for (let m = 1; m < accumulation; m++) {
      const more = await functions.gradients.call(args(m, await next()));
      const both = { ...renamed('sum/', sums), ...renamed('next/', more) };
      sums = await (functions.add as CompiledFunction).call(both);
      dispose(Object.values(both));
    }
    const [losses, ...buckets] = await this.#mean([sums.losses as DeviceTensor, ...this.#bucketNames.map((name) => sums[name] as DeviceTensor)]);
    const { norm } = await functions.update.call({ ...Object.fromEntries(buckets.map((bucket, i) => [`bucket${i}`, bucket])), scalars });
    dispose(buckets);
    return pending(k, rate, [losses as DeviceTensor, norm as DeviceTensor]);
  }

  /** Nodes of the functions that a step runs, all together. */
  get nodes(): number {
    return Object.values(this.#functions).reduce((sum, one) => sum + (one?.nodes ?? 0), 0);
  }

  [Symbol.dispose](): void {
    for (const one of Object.values(this.#functions)) one?.[Symbol.dispose]();
  }

  async #mean(tensors: readonly DeviceTensor[]): Promise<readonly DeviceTensor[]> {
    if (this.#gang.world === 1) return tensors;
    try {
      return await this.#gang.allReduce(tensors, 'mean');
    } finally {
      dispose(tensors);
    }
  }

  /** Traced. losses: [total, denoise, alignment, classToken, contrastive, stop] / accumulation (stop whole). */
  #lossesAndGradients(args: Tensors, parameters: Readonly<Record<string, Tensor>>): { losses: Tensor; gradients: Tensor[] } {
    const { objective: spec, seed, batch, accumulation } = this.#spec;
    const names = this.#state.trained.map((info) => info.name);
    const draws = drawTraining({ seed, step: args.micro as Tensor, rank: this.#gang.rank }, drawShapes(this.#config, spec, batch));
    const input = {
      latents: args.latents as Tensor, labels: args.labels as Tensor, cls: args.cls,
      features: args.features === undefined ? undefined : [args.features],
    };
    let parts: Tensor[] = [];
    const { grads } = tf.valueAndGrads((...values: Tensor[]) => {
      const p = Object.fromEntries(names.map((name, i) => [name, values[i] as Tensor]));
      const losses = objective(p, this.#config, spec, input, draws);
      // The gradient's tidy ends before the report is put together.
      parts = LOSSES.map((name) => tf.keep(tf.reshape(losses[name], [1])));
      return (accumulation === 1 ? losses.total : tf.div(losses.total, accumulation)) as tf.Scalar;
    })(names.map((name) => parameters[name] as Tensor));
    const losses = tf.concat([accumulation === 1 ? tf.concat(parts) : tf.div(tf.concat(parts), accumulation), args.stop as Tensor]);
    tf.dispose(parts);
    return { losses, gradients: grads };
  }

  /** Traced. Clips, and updates the state; returns the norm before clipping. whole: the same gradients in fewer tensors. */
  #update(gradients: readonly Tensor[], args: Tensors, variables: Parameters<TrainingState['update']>[0], whole: readonly Tensor[] = gradients): Tensor {
    const { optimizer } = this.#spec;
    const [keep, stepSize, rootScale] = tf.split(args.scalars as Tensor, 3).map((value) => tf.reshape(value, [])) as [Tensor, Tensor, Tensor];
    const scalars: AdamScalars = { keep: optimizer.weightDecay === 0 ? 1 : keep, stepSize, rootScale };
    const { norm, scale } = clipScale(whole, optimizer.maxGradNorm);
    this.#state.update(variables, gradients.map((gradient) => tf.mul(gradient, scale)), scalars, optimizer);
    return norm;
  }
}

const scalar = (dtype: TensorSpec['dtype']): TensorSpec => ({ dtype, shape: [] });
const vector = (length: number): TensorSpec => ({ dtype: 'float32', shape: [length] });

function batchSpecs(config: ModelConfig, batch: number): Record<string, TensorSpec> {
  const { channels, latentSize, classTokenWidth, featureWidths } = config;
  if (featureWidths.length > 1) throw new TypeError(`Cannot train with ${featureWidths.length} teachers: a data set holds the features of one`);
  const [width] = featureWidths;
  // The teacher's class feature comes first, whether or not the model has a class token.
  const tokens = tokenCount(config) + (classTokenWidth > 0 ? 0 : 1);
  return {
    latents: { dtype: 'float32', shape: [batch, channels, latentSize, latentSize] },
    labels: { dtype: 'int32', shape: [batch] },
    ...(classTokenWidth > 0 && { cls: { dtype: 'float32', shape: [batch, classTokenWidth] } as const }),
    ...(width !== undefined && { features: { dtype: 'float32', shape: [batch, tokens, width] } as const }),
  };
}

function pending(step: number, rate: number, tensors: readonly DeviceTensor[]): Pending {
  return {
    step,
    read: () => {
      const values = tensors.flatMap((tensor) => [...tensor.data() as Float32Array]);
      const [loss = NaN, denoise = NaN, alignment = NaN, classToken = NaN, contrastive = NaN, stop = 0, gradNorm = NaN] = values;
      return { loss, denoise, alignment, classToken, contrastive, gradNorm, learningRate: rate, stop: stop > 0 };
    },
    [Symbol.dispose]: () => { dispose(tensors); },
  };
}

function needed(values: Float32Array | undefined, name: string): Float32Array {
  if (values === undefined) throw new TypeError(`Cannot train: the batch has no ${name}. Use a data set that holds them`);
  return values;
}

const renamed = (prefix: string, tensors: Readonly<Record<string, DeviceTensor>>): Record<string, DeviceTensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [prefix + name, value]));

function dispose(tensors: readonly DeviceTensor[]): void {
  for (const tensor of tensors) tensor[Symbol.dispose]();
}
