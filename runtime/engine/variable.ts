import type { DeviceTensor, DType, HostData, Shape, Variable } from './types.ts';
import { Attr, type NativeTensor } from './addon.ts';
import { dtypeOf, hostView, sameShape, TF } from './dtype.ts';
import { EngineError } from './errors.ts';
import type { Runtime } from './runtime.ts';
import { handleOf, makeHandle } from './tensor.ts';

/** A TensorFlow resource variable. */
export class ResourceVariable implements Variable {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly #runtime: Runtime;
  #resource: NativeTensor | undefined;

  constructor(runtime: Runtime, name: string, value: HostData, shape: Shape, dtype: DType = dtypeOf(value)) {
    this.#runtime = runtime;
    this.name = name;
    this.dtype = dtype;
    this.shape = [...shape];
    const initial = makeHandle(runtime, value, shape, dtype);
    // shared_name is the variable's identity in TensorFlow: two engines' variables of one name must not be one.
    const attributes = ['dtype', Attr.type, TF[dtype], 'shape', Attr.shape, this.shape, 'shared_name', Attr.string, `${name}#${runtime.serial()}`] as const;
    [this.#resource] = runtime.addon.execute(runtime.context, 'VarHandleOp', attributes, [], 1, runtime.place);
    this.#assign(initial);
    runtime.addon.deleteTensor(initial);
    runtime.live.variables++;
  }

  /** Handle of the resource, argument of compiled functions. */
  get resource(): NativeTensor {
    if (this.#resource === undefined) throw new EngineError('Disposed', `Cannot use variable "${this.name}": it has been disposed. Dispose it after its last use`);
    return this.#resource;
  }

  read(): HostData {
    const { addon, context, place } = this.#runtime;
    const [value] = addon.execute(context, 'ReadVariableOp', ['dtype', Attr.type, TF[this.dtype]], [this.resource], 1, place) as [NativeTensor];
    try {
      return hostView(addon.readTensor(value), this.dtype);
    } finally {
      addon.deleteTensor(value);
    }
  }

  assign(value: HostData | DeviceTensor): void {
    if (ArrayBuffer.isView(value)) {
      const handle = makeHandle(this.#runtime, value, this.shape, this.dtype);
      this.#assign(handle);
      this.#runtime.addon.deleteTensor(handle);
      return;
    }
    if (value.dtype !== this.dtype || !sameShape(value.shape, this.shape)) {
      throw new EngineError('BadArgument', `Cannot assign ${value.dtype} [${value.shape.join(', ')}] to variable "${this.name}", which is ${this.dtype} [${this.shape.join(', ')}]`);
    }
    this.#assign(handleOf(value));
  }

  #assign(value: NativeTensor): void {
    const { addon, context, place } = this.#runtime;
    addon.execute(context, 'AssignVariableOp', ['dtype', Attr.type, TF[this.dtype]], [this.resource, value], 0, place);
  }

  [Symbol.dispose](): void {
    if (this.#resource === undefined) return;
    const { addon, context, place } = this.#runtime;
    addon.execute(context, 'DestroyResourceOp', ['ignore_lookup_error', Attr.bool, true], [this.#resource], 0, place);
    addon.deleteTensor(this.#resource);
    this.#resource = undefined;
    this.#runtime.live.variables--;
  }
}

export function resourceOf(variable: Variable): NativeTensor {
  if (!(variable instanceof ResourceVariable)) throw new EngineError('BadArgument', `Cannot use variable "${variable.name}": this engine did not make it`);
  return variable.resource;
}
