import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Body, CallArgs, CompiledFunction, CompileSpecs, DeviceTensor, Engine, TensorSpec, Variable } from '../engine/types.ts';
import type { ModelConfig } from '../model/config.ts';
import { sit, type SitOptions } from '../model/sit.ts';
import { timeTable } from '../model/tables.ts';

export interface NetworkInput {
  /** State [batch, C, S, S] and class state [batch, Z] (length 0 without a class token), rounded to the network's type here. */
  readonly x: Float64Array;
  readonly cls: Float64Array;
  readonly t: number;
  /** [batch] */
  readonly labels: Int32Array;
}
/** v [batch, C, S, S], cls [batch, Z]. */
export interface Velocity { readonly v: Float64Array; readonly cls: Float64Array }

/** The network as the sampler sees it: fixed batch, host arrays in and out. */
export interface Network extends Disposable {
  readonly batch: number;
  /** Velocity given the labels. */
  conditional(input: NetworkInput): Promise<Velocity>;
  /** Velocity given the labels, and given the null label (path dropped or not, as compiled). */
  guided(input: NetworkInput): Promise<{ readonly conditional: Velocity; readonly unconditional: Velocity }>;
}

export interface NetworkOptions {
  /** Path-drop guidance: the unconditional evaluation drops the routed path. Plain guidance where the model has no routing. */
  readonly pathDrop: boolean;
  /** Whether guided() will be called. */
  readonly guided: boolean;
  readonly precision?: 'float32' | 'float64' | 'bfloat16';
  /** Op by op instead of compiled, to look inside. */
  readonly eager?: boolean;
  /** One XLA program (default), or TensorFlow's own executor. */
  readonly xla?: boolean;
}

/** Compiles the network for sampling. variables: by state-dict name (weights or their average); they stay the caller's. */
export function compileNetwork(
  engine: Engine, variables: Readonly<Record<string, Variable>>, config: ModelConfig, batch: number, options: NetworkOptions,
): Network {
  const precision = options.precision ?? 'float32';
  const float = precision === 'float64' ? 'float64' : 'float32';
  const latent = [config.channels, config.latentSize, config.latentSize];
  const args: Record<string, TensorSpec> = {
    x: { dtype: float, shape: [batch, ...latent] }, labels: { dtype: 'int32', shape: [batch] }, timeTable: { dtype: float, shape: [1, 256] },
    ...(config.classTokenWidth > 0 && { cls: { dtype: float, shape: [batch, config.classTokenWidth] } }),
  };
  const specs: CompileSpecs = { args, state: variables, precision, xla: options.xla ?? true };
  const build = (name: string, body: Body): CompiledFunction => options.eager === true ? engine.eager(name, body, specs) : engine.compile(name, body, specs);
  // Nobody looks at the projected features here.
  const model: ModelConfig = { ...config, featureWidths: [] };
  const sitOptions: SitOptions = precision === 'float64' ? { qkEpsilon: Number.EPSILON } : {};
  const parametersOf = (state: Parameters<Body>[1]): Record<string, Tensor> =>
    Object.fromEntries(Object.keys(variables).filter((name) => !name.startsWith('projectors.')).map((name) => [name, state.read(name)]));

  const conditionalBody: Body = ({ x, labels, timeTable: table, cls }, state) => {
    const out = sit(parametersOf(state), model, { x: x as Tensor, y: labels as Tensor, timeTable: table, cls }, { kind: 'eval' }, sitOptions);
    return { v: out.v, ...(out.cls !== undefined && { cls: out.cls }) };
  };
  const guidedBody: Body = ({ x, labels, timeTable: table, cls }, state) => {
    const nullLabels = tf.fill([batch], config.numClasses, 'int32');
    const twice = (value: Tensor): Tensor => tf.concat([value, value], 0);
    const out = sit(parametersOf(state), model, {
      x: twice(x as Tensor), y: tf.concat([labels as Tensor, nullLabels], 0), timeTable: table, cls: cls && twice(cls),
    }, { kind: 'eval', uncond: options.pathDrop && config.routing.enabled ? 'secondHalf' : false }, sitOptions);
    const [v, vNull] = tf.split(out.v, 2, 0) as [Tensor, Tensor];
    if (out.cls === undefined) return { v, vNull };
    const [c, cNull] = tf.split(out.cls, 2, 0) as [Tensor, Tensor];
    return { v, vNull, cls: c, clsNull: cNull };
  };

  const rounded = (values: Float64Array): Float32Array | Float64Array => float === 'float64' ? values : Float32Array.from(values);
  const callArgs = ({ x, cls, t, labels }: NetworkInput): CallArgs => {
    const table = timeTable([t]);
    return {
      x: rounded(x), labels, timeTable: float === 'float64' ? Float64Array.from(table) : table,
      ...(config.classTokenWidth > 0 && { cls: rounded(cls) }),
    };
  };
  const host = (tensor: DeviceTensor | undefined): Float64Array => {
    if (tensor === undefined) return new Float64Array(0);
    using held = tensor;
    const data = held.data();
    return data instanceof Float64Array ? data : Float64Array.from(data as Float32Array);
  };
  const conditional = build('sit', conditionalBody);
  const guided = options.guided ? build('sit-guided', guidedBody) : undefined;
  return {
    batch,
    async conditional(input) {
      const out = await conditional.call(callArgs(input));
      return { v: host(out.v), cls: host(out.cls) };
    },
    async guided(input) {
      if (guided === undefined) throw new TypeError('Cannot guide: the network was compiled without guidance. Pass guided: true to compileNetwork');
      const out = await guided.call(callArgs(input));
      return { conditional: { v: host(out.v), cls: host(out.cls) }, unconditional: { v: host(out.vNull), cls: host(out.clsNull) } };
    },
    [Symbol.dispose]() {
      conditional[Symbol.dispose]();
      guided?.[Symbol.dispose]();
    },
  };
}
