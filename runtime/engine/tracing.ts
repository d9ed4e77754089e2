/** tfjs's narrow waist, TFJSBinding, over a graph: what tfjs would run is recorded instead. */
import type { KernelFunc, Tensor } from '@tensorflow/tfjs-core';
import type { HostData, Shape } from './types.ts';
import { Attr, type Attributes } from './addon.ts';
import { callSite } from './callsite.ts';
import { TF } from './dtype.ts';
import { EngineError } from './errors.ts';
import { at, type Graph, type Output } from './graph.ts';
import { EAGER_BACKEND, KernelBackend, tf, type Binding, type Metadata, type NodeBackend, type OpAttribute } from './tfjs.ts';

export const TRACING_BACKEND = 'srdit-tracing';
export type Precision = 'float32' | 'float64' | 'bfloat16';

/** Type attributes that do not follow from the inputs; the others TensorFlow infers. */
const FREE_TYPES = new Set(['DstT', 'Tout', 'out_idx', 'output_dtype', 'output_type', 'type', 'dtype']);
/** Products that precision bfloat16 computes in bfloat16. */
const PRODUCTS = new Set(['MatMul', 'BatchMatMulV2', 'Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter', 'Einsum']);

/** One trace in progress. */
export class Trace {
  readonly graph: Graph;
  readonly precision: Precision;
  /** Doubles behind the Float32Arrays that tfjs makes of number literals, for float64. */
  readonly exact = new WeakMap<object, Float64Array>();
  readonly #outputs = new Map<number, Output>();

  constructor(graph: Graph, precision: Precision) {
    this.graph = graph;
    this.precision = precision;
  }

  /** TensorFlow's type of what tfjs calls float32. */
  get float(): number { return this.precision === 'float64' ? TF.float64 : TF.float32; }

  /** What tfjs knows of an output. It has neither float64 nor int64: they go under the names float32 and int32. */
  describe(output: Output): Metadata {
    this.#outputs.set(output.id, output);
    const dtype = output.dtype === TF.float64 || output.dtype === TF.bfloat16 ? TF.float32 : output.dtype;
    return { id: output.id, dtype, shape: output.shape };
  }

  output(id: number): Output {
    const output = this.#outputs.get(id);
    if (output === undefined) throw new EngineError('TraceFailed', 'Cannot use a tensor of another trace: make it inside the body');
    return output;
  }

  constant(shape: Shape, dtype: number, data: HostData): number {
    const double = dtype === TF.float32 && this.precision === 'float64';
    const values = double ? this.exact.get(data) ?? Float64Array.from(data as Float32Array) : data;
    const output = this.graph.constant(double ? TF.float64 : dtype, shape, values);
    this.#outputs.set(output.id, output);
    return output.id;
  }

  op(name: string, attributes: readonly OpAttribute[], inputs: readonly number[]): Metadata[] {
    const flat: (string | number | boolean | readonly number[])[] = [];
    for (const { name: key, type, value } of attributes) {
      // TensorFlow counts list inputs itself.
      if (type === Attr.type ? !FREE_TYPES.has(key) : key === 'N') continue;
      flat.push(key, type, type === Attr.type && value === TF.float32 ? this.float : value);
    }
    const outputs = this.precision === 'bfloat16' && PRODUCTS.has(name) ? this.#inBfloat16(name, flat, inputs) : this.graph.add(name, inputs, flat).outputs;
    return outputs.map((output) => this.describe(output));
  }

  #inBfloat16(name: string, attributes: Attributes, inputs: readonly number[]): Output[] {
    const narrow = inputs.map((id) => {
      const output = this.output(id);
      return output.dtype === TF.float32 ? this.graph.cast(output, TF.bfloat16).id : id;
    });
    return this.graph.add(name, narrow, attributes).outputs.map((output) => this.graph.cast(output, TF.float32));
  }
}

let current: Trace | undefined;

/** The trace in progress, if tfjs is being traced now. */
export const currentTrace = (): Trace | undefined => (tf.getBackend() === TRACING_BACKEND ? current : undefined);

function trace(): Trace {
  if (current === undefined) throw new EngineError('Disposed', `Cannot use a tensor of a traced function${at(callSite())}: its trace is over. Return it from the body instead`);
  return current;
}

const tracingBinding: Binding & Record<`TF_${string}`, number> = {
  TF_FLOAT: TF.float32, TF_INT32: TF.int32, TF_INT64: TF.int64, TF_BOOL: TF.bool, TF_COMPLEX64: 8, TF_STRING: 7,
  TF_RESOURCE: TF.resource, TF_UINT8: TF.uint8,
  TF_ATTR_STRING: Attr.string, TF_ATTR_INT: Attr.int, TF_ATTR_FLOAT: Attr.float, TF_ATTR_BOOL: Attr.bool,
  TF_ATTR_TYPE: Attr.type, TF_ATTR_SHAPE: Attr.shape, TF_ATTR_RESOURCE: 9,
  isUsingGpuDevice: () => false,
  createTensor: (shape, dtype, data) => trace().constant(shape, dtype, data),
  deleteTensor: () => undefined,
  executeOp: (name, attributes, inputs) => trace().op(name, attributes, inputs),
  tensorDataSync: (): never => {
    throw new EngineError('ValueWhileTracing', `Cannot read a tensor's values${at(callSite())} while tracing: nothing is computed yet. Compute with tensors instead, or return the value and read it after the call`);
  },
};

/** tfjs-node checks GatherV2's indices on the host, which a trace cannot. */
const gather: KernelFunc = ({ inputs, attrs, backend }) => {
  const { x, indices } = inputs as Record<'x' | 'indices', Tensor>;
  const { axis, batchDims } = attrs as unknown as { axis: number; batchDims: number };
  const attributes = [{ name: 'batch_dims', type: Attr.int, value: batchDims }];
  return (backend as NodeBackend).executeSingleOutput('GatherV2', attributes, [x, indices, tf.scalar(axis, 'int32')]);
};

function register(): void {
  tf.registerBackend(TRACING_BACKEND, () => {
    const backend = new KernelBackend(tracingBinding, '@tensorflow/tfjs-node');
    // write() and the mover of tensors between backends both call move(); only the first can be meant.
    const place = backend.move.bind(backend);
    backend.write = (values, shape, dtype) => {
      const dataId = {};
      place(dataId, values, shape, dtype, 1);
      return dataId;
    };
    backend.move = () => {
      throw new EngineError('TraceFailed', `Cannot use a tensor made outside of the traced function${at(callSite())}: make it inside the body, or pass it as an argument`);
    };
    return backend;
  });
  for (const kernel of tf.getKernelsForBackend(EAGER_BACKEND)) {
    const own = kernel.kernelName === 'GatherV2' ? { kernelFunc: gather } : {};
    tf.registerKernel({ ...kernel, ...own, backendName: TRACING_BACKEND });
  }
}

let registered = false;

/** Runs body with tfjs recording into the graph. All tensors it makes are gone afterwards. */
export function traced(next: Trace, body: (trace: Trace) => void): void {
  if (current !== undefined) throw new EngineError('TraceFailed', 'Cannot compile a function while another one is traced: compile it before');
  if (!registered) register();
  registered = true;
  const before = tf.getBackend();
  const { stackTraceLimit } = Error;
  const restore = next.precision === 'float64' ? keepDoubles(next.exact) : () => undefined;
  current = next;
  Error.stackTraceLimit = 60; // a shape error of tfjs must show the traced code
  try {
    void tf.setBackend(TRACING_BACKEND);
    tf.tidy(() => body(next));
  } finally {
    current = undefined;
    Error.stackTraceLimit = stackTraceLimit;
    restore();
    void tf.setBackend(before);
  }
}

/** tfjs rounds number literals to float32 by `new Float32Array(numbers)` before any backend sees them. While a float64
 *  trace runs, that constructor also remembers the doubles. Arrays that callers round themselves stay rounded. */
function keepDoubles(exact: WeakMap<object, Float64Array>): () => void {
  const original = globalThis.Float32Array;
  globalThis.Float32Array = new Proxy(original, {
    construct(target, [values, ...rest]: [unknown, ...unknown[]]) {
      const array = Reflect.construct(target, values === undefined ? [] : [values, ...rest]) as Float32Array;
      if (Array.isArray(values)) exact.set(array, Float64Array.from(values as number[]));
      return array;
    },
  });
  return () => { globalThis.Float32Array = original; };
}
