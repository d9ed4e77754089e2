import type { DeviceTensor, DType, HostData, Shape } from './types.ts';
import type { NativeTensor } from './addon.ts';
import { asDType, dtypeName, dtypeOf, elements, hostView, TF } from './dtype.ts';
import { EngineError } from './errors.ts';
import { homeOf, type Runtime } from './runtime.ts';

/** A tensor of the eager context. */
export class EagerTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly #runtime: Runtime;
  #handle: NativeTensor | undefined;

  /** Takes the handle over. */
  constructor(runtime: Runtime, handle: NativeTensor) {
    this.#runtime = runtime;
    this.#handle = handle;
    this.dtype = dtypeName(runtime.addon.tensorType(handle));
    this.shape = runtime.addon.tensorShape(handle);
    runtime.live.tensors++;
  }

  get handle(): NativeTensor {
    if (this.#handle === undefined) throw new EngineError('Disposed', `Cannot use a ${this.dtype} tensor of shape [${this.shape.join(', ')}]: it has been disposed. Dispose it after its last use`);
    return this.#handle;
  }

  data(): HostData {
    return hostView(this.#runtime.addon.readTensor(this.handle), this.dtype);
  }

  [Symbol.dispose](): void {
    if (this.#handle === undefined) return;
    this.#runtime.addon.deleteTensor(this.#handle);
    this.#handle = undefined;
    this.#runtime.live.tensors--;
  }
}

/** Copies data into TensorFlow's memory. */
export function makeTensor(runtime: Runtime, data: HostData, shape: Shape, dtype: DType = dtypeOf(data)): EagerTensor {
  return new EagerTensor(runtime, makeHandle(runtime, data, shape, dtype));
}

export function makeHandle(runtime: Runtime, data: HostData, shape: Shape, dtype: DType): NativeTensor {
  if (data.length !== elements(shape)) {
    throw new EngineError('BadArgument', `Cannot make a tensor of shape [${shape.join(', ')}] from ${data.length} values: it needs ${elements(shape)}`);
  }
  return runtime.addon.newTensor(runtime.context, TF[dtype], shape, asDType(data, dtype), homeOf(runtime, dtype));
}

/** The native handle of a tensor that this engine made. */
export function handleOf(tensor: DeviceTensor): NativeTensor {
  if (!(tensor instanceof EagerTensor)) throw new EngineError('BadArgument', 'Cannot use a tensor that this engine did not make: pass what engine.tensor or a call returned');
  return tensor.handle;
}
