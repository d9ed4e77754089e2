import { EvaluateError } from './rows.ts';

/** Types of numpy arrays that are read here; others (objects above all, which are pickles) are refused. */
export const NPY_TYPES = { '|u1': 1, '<f2': 2, '<f4': 4, '<f8': 8 } as const;
export type NpyType = keyof typeof NPY_TYPES;

/** What stands before the numbers of a .npy file (numpy format 1.0 and 2.0), row-major arrays only. */
export interface NpyHeader {
  readonly type: NpyType;
  readonly shape: readonly number[];
  /** Bytes before the numbers. */
  readonly offset: number;
  /** Bytes of the numbers. */
  readonly bytes: number;
}

/** A header is at most this long; numpy's own are below 256 bytes. */
export const NPY_HEADER_LIMIT = 4096;
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

/** Reads the header from the first bytes of a file (NPY_HEADER_LIMIT of them, or all there are). The input is untrusted.
 *  Throws BadReference. */
export function parseNpyHeader(start: Uint8Array, name: string): NpyHeader {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  const refuse = (why: string): EvaluateError => new EvaluateError('BadReference', `Cannot read array "${name}": ${why}. Save it again with numpy.savez`);
  if (bytes.length < 12 || !bytes.subarray(0, 6).equals(MAGIC)) throw refuse('it does not begin like a .npy file');
  const version = bytes[6];
  if (version !== 1 && version !== 2) throw refuse(`it has format version ${version}, known are 1 and 2`);
  const begin = version === 1 ? 10 : 12;
  const offset = begin + (version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (offset > NPY_HEADER_LIMIT || offset > bytes.length) throw refuse(`its header of ${offset} bytes is longer than the ${Math.min(NPY_HEADER_LIMIT, bytes.length)} allowed`);
  // A Python dict with three entries, as numpy writes it.
  const text = bytes.toString('latin1', begin, offset).trim();
  const type = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (fortran === undefined || shapeText === undefined) throw refuse('its header names no shape');
  if (type === undefined || !Object.hasOwn(NPY_TYPES, type)) {
    throw refuse(`its type is ${type === undefined ? 'a structure' : `"${type}"`}, known are ${Object.keys(NPY_TYPES).join(', ')}`);
  }
  const shape = shapeText.split(',').map((side) => side.trim()).filter((side) => side !== '').map(Number);
  if (fortran === 'True' && shape.length > 1) throw refuse('it is stored column by column; pass it through numpy.ascontiguousarray');
  const size = shape.reduce((product, side) => product * side, 1);
  if (shape.length > 8 || !Number.isSafeInteger(size * 8)) throw refuse(`its shape (${shapeText}) is too large`);
  return { type: type as NpyType, shape, offset, bytes: size * NPY_TYPES[type as NpyType] };
}

/** Header of format 1.0, padded so that the numbers begin at a multiple of 64. */
export function npyHeader(type: NpyType, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const out = Buffer.alloc(10 + length, ' ');
  MAGIC.copy(out);
  out.set([1, 0], 6);
  out.writeUInt16LE(length, 8);
  out.write(text, 10, 'latin1');
  out.write('\n', out.length - 1, 'latin1');
  return out;
}

/** Little-endian numbers as float64 (u1 and f4 are exact, f2 as well). */
export function npyNumbers(type: NpyType, bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float64Array(bytes.length / NPY_TYPES[type]);
  switch (type) {
    case '|u1': out.set(bytes); break;
    case '<f2': for (let i = 0; i < out.length; i++) out[i] = view.getFloat16(2 * i, true); break;
    case '<f4': for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true); break;
    case '<f8': for (let i = 0; i < out.length; i++) out[i] = view.getFloat64(8 * i, true); break;
    default: throw new TypeError(`No reader for ${type satisfies never}`);
  }
  return out;
}
