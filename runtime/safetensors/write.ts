import { SafetensorsError } from './error.ts';
import { BYTES_OF, type SafeDType, type TensorEntry } from './types.ts';

/** A tensor whose bytes are asked for when its turn to be written comes, so that a file larger than memory can be written. */
export interface LazyEntry extends Omit<TensorEntry, 'bytes'> { readonly bytes: Uint8Array | (() => Uint8Array | Promise<Uint8Array>) }

/** The file, piece by piece: header, then every tensor in the order given. The same entries give the same bytes. Throws BadEntry. */
export async function* writeSafetensors(entries: readonly (TensorEntry | LazyEntry)[], metadata: Readonly<Record<string, string>> = {}): AsyncGenerator<Uint8Array> {
  yield encodeHeader(entries, metadata);
  for (const entry of entries) {
    const bytes = typeof entry.bytes === 'function' ? await entry.bytes() : entry.bytes;
    if (bytes.length !== byteLength(entry)) throw badEntry(entry.name, `it has ${bytes.length} bytes but ${entry.dtype} [${entry.shape.join(', ')}] needs ${byteLength(entry)}`);
    yield bytes;
  }
}

function encodeHeader(entries: readonly (TensorEntry | LazyEntry)[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set('__metadata__', metadata);
  let at = 0;
  for (const entry of entries) {
    if (header.has(entry.name) || entry.name === '__metadata__') throw badEntry(entry.name, 'the name is taken');
    const end = at + byteLength(entry);
    header.set(entry.name, { dtype: entry.dtype, shape: entry.shape, data_offsets: [at, end] });
    at = end;
  }
  // fromEntries makes properties of its own, so that even "__proto__" is a name like others.
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // Padded with spaces, so that the data begins at a multiple of 8 (format: "Format", trailing whitespace).
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, 8);
  return bytes;
}

const byteLength = (entry: { readonly dtype: SafeDType; readonly shape: readonly number[] }): number =>
  BYTES_OF[entry.dtype] * entry.shape.reduce((product, side) => product * side, 1);

const badEntry = (name: string, why: string): SafetensorsError => new SafetensorsError('BadEntry', `Cannot write tensor "${name}": ${why}. Give each tensor a name of its own and the bytes of its shape`);

/** The bytes of an array, as a TensorEntry wants them. */
export const bytesOf = (array: ArrayBufferView): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
