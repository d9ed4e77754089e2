import type { SafeDType } from './types.ts';

/** float32 of every 16-bit float, by its bits: 65,536 entries, made when first used. */
let halves: Float32Array | undefined;

/** The table of half precision (IEEE 754 binary16): index = bits. */
export function halfTable(): Float32Array {
  return halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

/** float32 values to the bits of the nearest half, ties to even; too large becomes infinity. */
export function toHalf(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    scratch[0] = values[i] as number;
    const bits = scratchBits[0] as number;
    const sign = (bits >>> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    let half: number;
    if (magnitude >= 0x47800000) half = magnitude > 0x7f800000 ? 0x7e00 : 0x7c00;
    else if (magnitude >= 0x38800000) half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    else half = roundHalfEven(Math.abs(values[i] as number) * 2 ** 24); // subnormal: a multiple of 2^-24
    out[i] = sign | half;
  }
  return out;
}

function roundHalfEven(value: number): number {
  const down = Math.floor(value), rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

/** The bytes at an address that their element size divides. (Not slice: that of a Buffer is no copy.) */
export function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
}

/** Bits of 16-bit floats; shares the bytes where it can. */
export function toBits(bytes: Uint8Array): Uint16Array {
  const b = aligned(bytes, 2);
  return new Uint16Array(b.buffer, b.byteOffset, b.byteLength / 2);
}

/** Floats of any width as float32. Throws TypeError for integers. */
export function toFloat32(dtype: SafeDType, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case 'F32': { const b = aligned(bytes, 4); return new Float32Array(b.buffer, b.byteOffset, b.byteLength / 4); }
    case 'F64': return Float32Array.from(toFloat64(dtype, bytes));
    case 'F16': {
      const bits = toBits(bytes), table = halfTable();
      const out = new Float32Array(bits.length);
      for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] as number] as number;
      return out;
    }
    case 'BF16': {
      const bits = toBits(bytes), words = new Uint32Array(bits.length);
      for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
      return new Float32Array(words.buffer);
    }
    default: throw new TypeError(`Cannot read ${dtype} as floats`);
  }
}

export function toFloat64(dtype: SafeDType, bytes: Uint8Array): Float64Array {
  if (dtype !== 'F64') return Float64Array.from(toFloat32(dtype, bytes));
  const b = aligned(bytes, 8);
  return new Float64Array(b.buffer, b.byteOffset, b.byteLength / 8);
}

/** Integers of any width as int32; throws RangeError where one does not fit. */
export function toInt32(dtype: SafeDType, bytes: Uint8Array): Int32Array {
  switch (dtype) {
    case 'I32': { const b = aligned(bytes, 4); return new Int32Array(b.buffer, b.byteOffset, b.byteLength / 4); }
    case 'I64': {
      const b = aligned(bytes, 8);
      return Int32Array.from(new BigInt64Array(b.buffer, b.byteOffset, b.byteLength / 8), (value) => {
        if (BigInt.asIntN(32, value) !== value) throw new RangeError(`Cannot read ${value} as a 32-bit integer`);
        return Number(value);
      });
    }
    case 'I16': { const b = aligned(bytes, 2); return Int32Array.from(new Int16Array(b.buffer, b.byteOffset, b.byteLength / 2)); }
    case 'I8': return Int32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    case 'U8': case 'BOOL': return Int32Array.from(bytes);
    default: throw new TypeError(`Cannot read ${dtype} as integers`);
  }
}
