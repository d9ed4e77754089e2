import { open, type FileHandle } from 'node:fs/promises';
import { toFloat32, toFloat64, toInt32 } from './convert.ts';
import { headerLength, parseHeader, SafetensorsError, type Header } from './header.ts';
import type { TensorInfo } from './types.ts';

export interface TensorView { readonly dtype: TensorInfo['dtype']; readonly shape: readonly number[]; readonly bytes: Uint8Array }

/** A safetensors file whose header has been checked; tensors are read when asked for. Throws SafetensorsError. */
export class SafetensorsFile implements AsyncDisposable {
  readonly source: string;
  readonly #header: Header;
  readonly #read: (start: number, end: number) => Promise<Uint8Array>;
  readonly #close: () => Promise<void>;

  constructor(source: string, header: Header, read: (start: number, end: number) => Promise<Uint8Array>, close: () => Promise<void>) {
    this.source = source;
    this.#header = header;
    this.#read = read;
    this.#close = close;
  }

  get metadata(): Readonly<Record<string, string>> { return this.#header.metadata; }
  /** In the header's order. */
  names(): string[] { return [...this.#header.tensors.keys()]; }
  has(name: string): boolean { return this.#header.tensors.has(name); }
  info(name: string): TensorInfo {
    const info = this.#header.tensors.get(name);
    if (info === undefined) throw new SafetensorsError(`Cannot read tensor "${name}": "${this.source}" does not hold it`);
    return info;
  }
  /** Bytes of a tensor; rows [from, to) along its first axis if asked. */
  async read(name: string, rows?: { readonly from: number; readonly to: number }): Promise<TensorView> {
    const { dtype, shape, start, end } = this.info(name);
    if (rows === undefined) return { dtype, shape, bytes: await this.#read(this.#header.dataStart + start, this.#header.dataStart + end) };
    const [count = 0, ...rest] = shape;
    if (rows.from < 0 || rows.to > count || rows.from > rows.to) throw new RangeError(`Cannot read rows ${rows.from} to ${rows.to} of tensor "${name}": it has ${count}`);
    const row = count === 0 ? 0 : (end - start) / count;
    const at = this.#header.dataStart + start;
    return { dtype, shape: [rows.to - rows.from, ...rest], bytes: await this.#read(at + rows.from * row, at + rows.to * row) };
  }
  async float32(name: string): Promise<Float32Array> { const { dtype, bytes } = await this.read(name); return toFloat32(dtype, bytes); }
  async float64(name: string): Promise<Float64Array> { const { dtype, bytes } = await this.read(name); return toFloat64(dtype, bytes); }
  async int32(name: string): Promise<Int32Array> { const { dtype, bytes } = await this.read(name); return toInt32(dtype, bytes); }
  async [Symbol.asyncDispose](): Promise<void> { await this.#close(); }
}

/** Opens a file; only its header is read. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = headerLength(path, await readAt(file, 0, Math.min(8, size)), size);
    const header = parseHeader(path, await readAt(file, 8, 8 + length), size);
    return new SafetensorsFile(path, header, (start, end) => readAt(file, start, end), () => file.close());
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The same over bytes that are in memory already. */
export function parseSafetensors(bytes: Uint8Array, source = 'bytes in memory'): SafetensorsFile {
  const length = headerLength(source, bytes.subarray(0, 8), bytes.length);
  const header = parseHeader(source, bytes.subarray(8, 8 + length), bytes.length);
  return new SafetensorsFile(source, header, (start, end) => Promise.resolve(bytes.subarray(start, end)), () => Promise.resolve());
}

async function readAt(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let got = 0; got < bytes.length;) {
    const { bytesRead } = await file.read(bytes, got, Math.min(bytes.length - got, 2 ** 30), start + got);
    if (bytesRead === 0) throw new SafetensorsError('Cannot read safetensors: the file became shorter while it was read');
    got += bytesRead;
  }
  return bytes;
}
