import type { Tensor } from '@tensorflow/tfjs-core';
import type { Body, CallArgs, CompiledFunction, CompileSpecs, DeviceTensor, DType, HostData, State, Variable } from './types.ts';
import type { NativeTensor } from './addon.ts';
import { callSiteOf } from './callsite.ts';
import { argumentHandles } from './compile.ts';
import { asDType, hostView } from './dtype.ts';
import { EngineError, reason } from './errors.ts';
import { at } from './graph.ts';
import type { Runtime } from './runtime.ts';
import { makeTensor } from './tensor.ts';
import { EAGER_BACKEND, tf } from './tfjs.ts';

/** Runs body op by op on the stock backend, at each call. Slow, but every tensor in it has values to look at. */
export function runEagerly(runtime: Runtime, name: string, body: Body, specs: CompileSpecs): CompiledFunction {
  if (specs.precision !== undefined && specs.precision !== 'float32') {
    throw new EngineError('BadArgument', `Cannot run "${name}" eagerly in ${specs.precision}: tfjs computes in float32 only. Compile it instead`);
  }
  return {
    name,
    nodes: 0,
    call: async (args) => call(runtime, name, body, specs, args),
    [Symbol.dispose]: () => undefined,
  };
}

function call(runtime: Runtime, name: string, body: Body, specs: CompileSpecs, args: CallArgs): Record<string, DeviceTensor> {
  const before = tf.getBackend();
  void tf.setBackend(EAGER_BACKEND);
  try {
    const assigned = new Map<Variable, HostData>();
    const results: Record<string, DeviceTensor> = {};
    tf.tidy(() => {
      const state = new EagerState(name, specs, assigned);
      const returned = body(hostArguments(runtime, name, specs, args), state);
      for (const [key, tensor] of Object.entries(returned)) results[key] = makeTensor(runtime, values(tensor), tensor.shape, tensor.dtype as DType);
    });
    for (const [variable, value] of assigned) variable.assign(value);
    return results;
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('CallFailed', `Cannot run "${name}" eagerly${at(callSiteOf(cause))}: ${reason(cause)}`, { cause });
  } finally {
    void tf.setBackend(before);
  }
}

/** Checked as a compiled call checks them, then as tfjs tensors. */
function hostArguments(runtime: Runtime, name: string, specs: CompileSpecs, args: CallArgs): Record<string, Tensor> {
  const made: NativeTensor[] = [];
  try {
    const handles = argumentHandles(runtime, name, specs.args, args, made);
    return Object.fromEntries(Object.entries(specs.args).map(([key, { dtype, shape }], i) =>
      [key, toTfjs(hostView(runtime.addon.readTensor(handles[i] as NativeTensor), dtype), shape, dtype)]));
  } finally {
    for (const handle of made) runtime.addon.deleteTensor(handle);
  }
}

function toTfjs(data: HostData, shape: readonly number[], dtype: DType): Tensor {
  const known = dtype === 'float64' ? 'float32' : dtype === 'int64' || dtype === 'uint8' ? 'int32' : dtype;
  return tf.tensor(asDType(data, known) as Float32Array, [...shape], known);
}

const values = (tensor: Tensor): HostData => tensor.dataSync();

class EagerState implements State {
  readonly #name: string;
  readonly #variables: NonNullable<CompileSpecs['state']>;
  readonly #assigned: Map<Variable, HostData>;
  readonly #reads = new Map<string, Tensor>();

  constructor(name: string, specs: CompileSpecs, assigned: Map<Variable, HostData>) {
    this.#name = name;
    this.#variables = specs.state ?? {};
    this.#assigned = assigned;
  }

  #variable(key: string): Variable {
    const variable = this.#variables[key];
    if (variable === undefined) throw new EngineError('BadArgument', `Cannot use state "${key}" in "${this.#name}": it is not among the state given`);
    return variable;
  }

  read(key: string): Tensor {
    const known = this.#reads.get(key);
    if (known !== undefined) return known;
    const variable = this.#variable(key);
    const tensor = toTfjs(variable.read(), variable.shape, variable.dtype);
    this.#reads.set(key, tensor);
    return tensor;
  }

  assign(key: string, value: Tensor): void {
    const variable = this.#variable(key);
    if (this.#assigned.has(variable)) throw new EngineError('BadArgument', `Cannot assign state "${key}" twice in "${this.#name}": assign its last value once`);
    this.#assigned.set(variable, values(value));
  }
}
