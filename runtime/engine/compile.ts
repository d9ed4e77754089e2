import type { Tensor } from '@tensorflow/tfjs-core';
import type { Body, CallArgs, CompiledFunction, CompileSpecs, DeviceTensor, State, TensorSpec } from './types.ts';
import { Attr, type NativeTensor } from './addon.ts';
import { callSiteOf } from './callsite.ts';
import { sameShape, TF } from './dtype.ts';
import { EngineError, reason } from './errors.ts';
import { at, Graph, only, type Node, type Output } from './graph.ts';
import type { Runtime } from './runtime.ts';
import { EagerTensor, handleOf, makeHandle } from './tensor.ts';
import { nodeBackend, tf } from './tfjs.ts';
import { Trace, traced } from './tracing.ts';
import { resourceOf } from './variable.ts';

/** Traces body once and makes one TensorFlow function of what it did. */
export function compile(runtime: Runtime, name: string, body: Body, specs: CompileSpecs): CompiledFunction {
  if (!/^[A-Za-z][\w.-]*$/.test(name)) throw new EngineError('BadArgument', `Cannot compile "${name}": a function's name is a letter, then letters, digits, "_", "." or "-"`);
  using graph = new Graph(runtime.addon);
  const trace = new Trace(graph, specs.precision ?? 'float32');
  const built = build(name, trace, body, specs);
  const symbol = `${name}_${runtime.serial()}`;
  const nodes = graph.toFunction(runtime.context, symbol, built.inputs, built.results.map(([, output]) => output), built.assigns, specs.xla ?? true);
  return new TensorFlowFunction(runtime, { name, symbol, nodes, specs, sites: graph.sites, results: built.results.map(([key]) => key) });
}

interface Built {
  /** Arguments, then resources of the state, each in the order of the specs. */
  readonly inputs: readonly Output[];
  readonly results: readonly (readonly [string, Output])[];
  readonly assigns: readonly Node[];
}

function build(name: string, trace: Trace, body: Body, specs: CompileSpecs): Built {
  const { graph } = trace;
  const args = Object.entries(specs.args).map(([key, spec]) => [key, graph.placeholder(TF[spec.dtype], spec.shape)] as const);
  const state = new TracedState(name, trace, specs);
  let results: [string, Output][] = [];
  try {
    traced(trace, () => {
      const returned = body(Object.fromEntries(args.map(([key, output]) => [key, toTfjs(trace, output)])), state);
      results = Object.entries(returned).map(([key, tensor]) => [key, only(graph.add('Identity', [toGraph(trace, tensor).id]))]);
      state.finish();
    });
  } catch (cause) {
    const site = cause instanceof EngineError ? '' : callSiteOf(cause);
    throw new EngineError(cause instanceof EngineError ? cause.code : 'TraceFailed', `Cannot compile "${name}"${at(site)}: ${reason(cause)}`, { cause });
  }
  return { inputs: [...args.map(([, output]) => output), ...state.resources], results, assigns: state.assigns };
}

/** An output as the tfjs tensor that the body sees. Types that tfjs does not know become the nearest that it does. */
function toTfjs(trace: Trace, output: Output): Tensor {
  const target = output.dtype === TF.float32 || output.dtype === TF.float64 ? trace.float
    : output.dtype === TF.int64 || output.dtype === TF.uint8 ? TF.int32 : output.dtype;
  return nodeBackend().createOutputTensor({ ...trace.describe(trace.graph.cast(output, target)), shape: [...output.shape] });
}

function toGraph(trace: Trace, tensor: Tensor): Output {
  const [id] = nodeBackend().getInputTensorIds([tensor]) as [number];
  return trace.output(id);
}

class TracedState implements State {
  readonly resources: readonly Output[];
  readonly assigns: Node[] = [];
  readonly #name: string;
  readonly #trace: Trace;
  readonly #variables: NonNullable<CompileSpecs['state']>;
  readonly #handles = new Map<string, Output>();
  readonly #reads = new Map<string, { node: Node; tensor: Tensor }>();
  readonly #values = new Map<string, Output>();

  constructor(name: string, trace: Trace, specs: CompileSpecs) {
    this.#name = name;
    this.#trace = trace;
    this.#variables = specs.state ?? {};
    for (const key of Object.keys(this.#variables)) this.#handles.set(key, trace.graph.placeholder(TF.resource, []));
    this.resources = [...this.#handles.values()];
  }

  #variable(key: string): TensorSpec {
    const variable = this.#variables[key];
    if (variable === undefined) throw new EngineError('BadArgument', `Cannot use state "${key}" in "${this.#name}": it is not among the state given to compile`);
    return variable;
  }

  #handle(key: string): number {
    return (this.#handles.get(key) as Output).id;
  }

  read(key: string): Tensor {
    const { dtype, shape } = this.#variable(key);
    const known = this.#reads.get(key);
    if (known !== undefined) return known.tensor;
    const { graph } = this.#trace;
    const node = graph.add('ReadVariableOp', [this.#handle(key)], ['dtype', Attr.type, TF[dtype]]);
    const value = graph.add('EnsureShape', [only(node).id], ['shape', Attr.shape, shape]);
    const tensor = tf.keep(toTfjs(this.#trace, only(value)));
    this.#reads.set(key, { node, tensor });
    return tensor;
  }

  assign(key: string, value: Tensor): void {
    const { shape, dtype } = this.#variable(key);
    if (this.#values.has(key)) throw new EngineError('BadArgument', `Cannot assign state "${key}" twice in "${this.#name}": assign its last value once`);
    if (!sameShape(value.shape, shape)) throw new EngineError('BadArgument', `Cannot assign [${value.shape.join(', ')}] to state "${key}", which is [${shape.join(', ')}]`);
    this.#values.set(key, this.#trace.graph.cast(toGraph(this.#trace, value), TF[dtype]));
  }

  /** Every assignment comes after the read of the same variable: reads see the values at the start of the call. */
  finish(): void {
    for (const [key, value] of this.#values) {
      const read = this.#reads.get(key)?.node;
      this.assigns.push(this.#trace.graph.add('AssignVariableOp', [this.#handle(key), value.id],
        ['dtype', Attr.type, value.dtype], read === undefined ? [] : [read.operation]));
    }
    for (const { tensor } of this.#reads.values()) tensor.dispose();
  }
}

interface Parts {
  readonly name: string;
  readonly symbol: string;
  readonly nodes: number;
  readonly specs: CompileSpecs;
  readonly sites: ReadonlyMap<string, string>;
  readonly results: readonly string[];
}

class TensorFlowFunction implements CompiledFunction {
  readonly name: string;
  readonly nodes: number;
  readonly #runtime: Runtime;
  readonly #parts: Parts;
  #disposed = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(runtime: Runtime, parts: Parts) {
    this.name = parts.name;
    this.nodes = parts.nodes;
    this.#runtime = runtime;
    this.#parts = parts;
    runtime.live.functions++;
  }

  call(args: CallArgs): Promise<Record<string, DeviceTensor>> {
    // The next call starts when the one before has ended, however it ended.
    const call = this.#turn.then(() => this.#call(args));
    this.#turn = call.catch(() => undefined);
    return call;
  }

  async #call(args: CallArgs): Promise<Record<string, DeviceTensor>> {
    if (this.#disposed) throw new EngineError('Disposed', `Cannot call "${this.name}": it has been disposed`);
    const { addon, context, place } = this.#runtime;
    const { specs, symbol, results } = this.#parts;
    const passing: NativeTensor[] = [];
    try {
      const inputs = [...argumentHandles(this.#runtime, this.name, specs.args, args, passing), ...Object.values(specs.state ?? {}).map(resourceOf)];
      // The op holds its inputs from here on, so that values made for this call can go.
      const running = addon.executeAsync(context, symbol, [], inputs, results.length, place);
      for (const handle of passing.splice(0)) addon.deleteTensor(handle);
      const outputs = await running;
      return Object.fromEntries(outputs.map((handle, i) => [results[i] ?? '', new EagerTensor(this.#runtime, handle)]));
    } catch (cause) {
      for (const handle of passing) addon.deleteTensor(handle);
      if (cause instanceof EngineError) throw cause;
      throw new EngineError('CallFailed', `Cannot run "${this.name}"${this.#where(reason(cause))}: ${reason(cause)}`, { cause });
    }
  }

  /** The traced line behind the first node that TensorFlow's message names. */
  #where(message: string): string {
    for (const [name] of message.matchAll(/\b[A-Z]\w*_\d+\b/g)) {
      const site = this.#parts.sites.get(name);
      if (site !== undefined && site !== '') return `, op "${name.replace(/_\d+$/, '')}" at ${site}`;
    }
    return '';
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { addon, context, live } = this.#runtime;
    addon.removeFunction(context, this.#parts.symbol);
    live.functions--;
  }
}

/** Handles for the arguments of a call, in the order of the specs; those made here are added to `passing`. */
export function argumentHandles(runtime: Runtime, name: string, specs: CompileSpecs['args'], args: CallArgs, passing: NativeTensor[]): NativeTensor[] {
  for (const key of Object.keys(args)) if (!(key in specs)) throw new EngineError('BadArgument', `Cannot call "${name}": it has no argument "${key}"`);
  return Object.entries(specs).map(([key, { dtype, shape }]) => {
    const value = args[key];
    if (value === undefined) throw new EngineError('BadArgument', `Cannot call "${name}": argument "${key}" is missing`);
    if (ArrayBuffer.isView(value)) {
      const handle = makeHandle(runtime, value, shape, dtype);
      passing.push(handle);
      return handle;
    }
    if (value.dtype !== dtype || !sameShape(value.shape, shape)) {
      throw new EngineError('BadArgument', `Cannot call "${name}": argument "${key}" is ${value.dtype} [${value.shape.join(', ')}], it was traced as ${dtype} [${shape.join(', ')}]`);
    }
    return handleOf(value);
  });
}
