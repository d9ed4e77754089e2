import type { Tensor } from '@tensorflow/tfjs-core';
import type { OptimizerSpec } from '@srdit/crds';
import type { Engine, State, Variable } from '../engine/types.ts';
import { adamw, emaUpdate, type AdamScalars } from '../flow/optimizer.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable, type ParameterInfo } from '../model/parameters.ts';

/** What of the training state there is one of for every trained parameter. */
export const KINDS = ['model', 'm', 'v', 'ema'] as const;
export type Kind = (typeof KINDS)[number];

/** The state on the host, by kind and then by state-dict name; trained parameters only. */
export type HostState = Readonly<Record<Kind, Readonly<Record<string, Float32Array>>>>;

/** Parameters, moments and averages on the device: the one place that knows how they are laid out. Here: a variable for
 *  each, so that the update of a parameter is one fused loop in place and nothing is cut out of or glued into big vectors. */
export class TrainingState implements Disposable {
  /** In state-dict order, which is also the optimizer's. */
  readonly trained: readonly ParameterInfo[];
  /** What compile() gets. */
  readonly variables: Readonly<Record<string, Variable>>;

  constructor(engine: Engine, config: ModelConfig, initial: HostState) {
    this.trained = parameterTable(config).filter((info) => info.kind === 'trained');
    this.variables = Object.fromEntries(KINDS.flatMap((kind) => this.trained.map(({ name, shape }) => {
      const value = initial[kind][name];
      if (value === undefined) throw new TypeError(`Cannot set up training: ${kind} of "${name}" is missing. Pass every trained parameter of parameterTable(config)`);
      return [variableName(kind, name), engine.variable(variableName(kind, name), value, shape)];
    })));
  }

  /** Averaged weights by state-dict name, as a network takes them. They stay this object's. */
  averages(): Record<string, Variable> {
    return Object.fromEntries(this.trained.map(({ name }) => [name, this.#variable('ema', name)]));
  }

  /** Inside a traced function: the parameters that the model takes. */
  parameters(state: State): Record<string, Tensor> {
    return Object.fromEntries(this.trained.map(({ name }) => [name, state.read(variableName('model', name))]));
  }

  /** Inside a traced function: AdamW and the averaging, parameter by parameter. gradients: clipped, in the order of `trained`. */
  update(state: State, gradients: readonly Tensor[], scalars: AdamScalars, spec: OptimizerSpec): void {
    this.trained.forEach(({ name }, i) => {
      const read = (kind: Kind): Tensor => state.read(variableName(kind, name));
      const next = adamw({ param: read('model'), m: read('m'), v: read('v') }, gradients[i] as Tensor, scalars, spec);
      state.assign(variableName('model', name), next.param);
      state.assign(variableName('m', name), next.m);
      state.assign(variableName('v', name), next.v);
      state.assign(variableName('ema', name), emaUpdate(read('ema'), next.param, spec.emaDecay));
    });
  }

  /** Copies everything to the host. */
  snapshot(): HostState {
    const copy = (kind: Kind): Record<string, Float32Array> =>
      Object.fromEntries(this.trained.map(({ name }) => [name, this.#variable(kind, name).read() as Float32Array]));
    return { model: copy('model'), m: copy('m'), v: copy('v'), ema: copy('ema') };
  }

  [Symbol.dispose](): void {
    for (const variable of Object.values(this.variables)) variable[Symbol.dispose]();
  }

  #variable(kind: Kind, name: string): Variable {
    return this.variables[variableName(kind, name)] as Variable;
  }
}

const variableName = (kind: Kind, name: string): string => `${kind}/${name}`;

/** A training at its start: moments of zero, averages equal to the parameters. weights: by state-dict name. */
export function freshState(config: ModelConfig, weights: Readonly<Record<string, Float32Array>>): HostState {
  const trained = parameterTable(config).filter((info) => info.kind === 'trained');
  const each = (make: (weight: Float32Array) => Float32Array): Record<string, Float32Array> =>
    Object.fromEntries(trained.map(({ name }) => [name, make(weights[name] as Float32Array)]));
  return { model: each((weight) => weight), m: each((weight) => new Float32Array(weight.length)), v: each((weight) => new Float32Array(weight.length)), ema: each((weight) => weight) };
}

