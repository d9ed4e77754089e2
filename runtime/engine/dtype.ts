import type { DType, HostData, Shape } from './types.ts';
import { EngineError } from './errors.ts';

/** TensorFlow's numbers of the element types that the engine meets. */
export const TF = {
  float32: 1, float64: 2, int32: 3, uint8: 4, int64: 9, bool: 10, bfloat16: 14, resource: 20, uint64: 23,
} as const;

const NAMES: Readonly<Record<number, DType>> = {
  [TF.float32]: 'float32', [TF.float64]: 'float64', [TF.int32]: 'int32', [TF.uint8]: 'uint8', [TF.int64]: 'int64', [TF.bool]: 'bool',
};

export const BYTES: Readonly<Record<DType, number>> = { float32: 4, float64: 8, int32: 4, int64: 8, uint8: 1, bool: 1 };

export function dtypeName(code: number): DType {
  const name = NAMES[code];
  if (name === undefined) throw new EngineError('BadArgument', `Cannot hand out a tensor of TensorFlow type ${code}: cast it to one of ${Object.values(NAMES).join(', ')}`);
  return name;
}

/** Element type that an array stands for where none is named. */
export function dtypeOf(data: HostData): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof BigInt64Array) return 'int64';
  return 'uint8';
}

export const elements = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((extent, i) => extent === b[i]);

/** The data in the array kind of dtype; converted between kinds where numbers stay numbers. */
export function asDType(data: HostData, dtype: DType): HostData {
  const numbers = data as Exclude<HostData, BigInt64Array>;
  switch (dtype) {
    case 'float32': return data instanceof Float32Array ? data : Float32Array.from(data instanceof BigInt64Array ? Array.from(data, Number) : numbers);
    case 'float64': return data instanceof Float64Array ? data : Float64Array.from(data instanceof BigInt64Array ? Array.from(data, Number) : numbers);
    case 'int32': return data instanceof Int32Array ? data : Int32Array.from(data instanceof BigInt64Array ? Array.from(data, Number) : numbers);
    case 'int64': return data instanceof BigInt64Array ? data : BigInt64Array.from(Array.from(numbers, BigInt));
    case 'uint8': case 'bool': return data instanceof Uint8Array ? data : Uint8Array.from(data instanceof BigInt64Array ? Array.from(data, Number) : numbers);
    default: return dtype satisfies never;
  }
}

/** Bytes from the device as the array kind of dtype. */
export function hostView(buffer: ArrayBuffer, dtype: DType): HostData {
  switch (dtype) {
    case 'float32': return new Float32Array(buffer);
    case 'float64': return new Float64Array(buffer);
    case 'int32': return new Int32Array(buffer);
    case 'int64': return new BigInt64Array(buffer);
    case 'uint8': case 'bool': return new Uint8Array(buffer);
    default: return dtype satisfies never;
  }
}
