import type { Tensor } from '@tensorflow/tfjs-core';

/** Element types that live on the device. tfjs itself knows float32, int32 and bool only. */
export type DType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool';
export type Shape = readonly number[];
export type HostData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** Type and shape of an argument of a compiled function. */
export interface TensorSpec { readonly dtype: DType; readonly shape: Shape }

/** A tensor in TensorFlow's memory. Release it (`using`, or dispose): the garbage collector is too late for 600 MB. */
export interface DeviceTensor extends Disposable {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Copies the values to the host. Waits for the device. */
  data(): HostData;
}

/** State that stays on the device and that compiled functions update in place (a TensorFlow resource variable). */
export interface Variable extends Disposable {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  read(): HostData;
  assign(value: HostData | DeviceTensor): void;
}

/** The variables of a compiled function, seen from inside while it is traced (or run eagerly). */
export interface State {
  /** Value at the start of the call; the same tensor however often it is asked for. */
  read(name: string): Tensor;
  /** New value, in force after the call. Once per name. */
  assign(name: string, value: Tensor): void;
}

export type Tensors = Readonly<Record<string, Tensor>>;
/** What is traced: plain tfjs (autodiff included). Names become the function's argument and result names. */
export type Body = (args: Tensors, state: State) => Record<string, Tensor>;

export interface CompileSpecs {
  readonly args: Readonly<Record<string, TensorSpec>>;
  readonly state?: Readonly<Record<string, Variable>>;
  /** One XLA program for the whole function; default true. Collectives cannot be inside. */
  readonly xla?: boolean;
  /** float64: every float32 of the body becomes float64 (parity against 64-bit truth).
   *  bfloat16: matrix products in bfloat16, everything else float32 (autocast). */
  readonly precision?: 'float32' | 'float64' | 'bfloat16';
}

export type CallArgs = Readonly<Record<string, DeviceTensor | HostData>>;
export interface CompiledFunction extends Disposable {
  readonly name: string;
  readonly nodes: number;
  /** Runs off the event loop; one call at a time per function. Results are the caller's to dispose. */
  call(args: CallArgs): Promise<Record<string, DeviceTensor>>;
}

/** Position in the stateless philox stream: same key, same numbers, eager and compiled, any machine.
 *  seed and step may be scalar int32 tensors (so that one traced function serves all steps); purpose names the draw. */
export interface RandomKey { readonly seed: number | Tensor; readonly step: number | Tensor; readonly purpose: string }

export interface EngineOptions {
  /** Intra-op threads; default: cores / local ranks. */
  readonly threads?: number;
  readonly device?: 'cpu' | 'gpu' | 'auto';
}

export interface GangOptions { readonly rank: number; readonly addresses: readonly string[]; readonly joinTimeoutSeconds?: number }

/** Ranks that step together (TensorFlow's collective runtime: ring on CPUs, NCCL on GPUs). world = 1 needs no server. */
export interface Gang extends AsyncDisposable {
  readonly rank: number;
  readonly world: number;
  /** Mean (or sum) over ranks, tensor by tensor (pass a few flat buckets). Rejects with PeerLostError within a second of a peer's death. */
  allReduce(tensors: readonly DeviceTensor[], op?: 'mean' | 'sum'): Promise<DeviceTensor[]>;
  /** Rank 0's values, on every rank. */
  broadcast(tensors: readonly DeviceTensor[]): Promise<DeviceTensor[]>;
  barrier(): Promise<void>;
}

export interface Engine {
  readonly device: 'CPU' | 'GPU';
  readonly tensorflowVersion: string;
  /** What has been made and not been disposed, by kind. */
  readonly live: { readonly tensors: number; readonly variables: number; readonly functions: number };
  tensor(data: HostData, shape: Shape, dtype?: DType): DeviceTensor;
  variable(name: string, value: HostData, shape: Shape, dtype?: DType): Variable;
  /** Traces body into one TensorFlow function. Errors name the op and the line of the traced code. */
  compile(name: string, body: Body, specs: CompileSpecs): CompiledFunction;
  /** Runs the same body op by op on stock tfjs, with the same random numbers: to look inside. */
  eager(name: string, body: Body, specs: CompileSpecs): CompiledFunction;
  joinGang(options: GangOptions): Promise<Gang>;
}
