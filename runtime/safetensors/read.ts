import { open, type FileHandle } from 'node:fs/promises';
import { toFloat32, toFloat64, toInt32 } from './convert.ts';
import { SafetensorsError } from './error.ts';
import { headerLength, parseHeader, type Header } from './header.ts';
import type { SafeDType, TensorInfo, TensorView } from './types.ts';

/** Reads bytes [start, end) of the file, all of them. */
export type ReadBytes = (start: number, end: number) => Promise<Uint8Array>;

/** A safetensors file whose header has been checked; tensors are read when asked for. Throws SafetensorsError. */
export class SafetensorsFile implements AsyncDisposable {
  readonly source: string;
  readonly #header: Header;
  readonly #read: ReadBytes;
  readonly #close: () => Promise<void>;

  constructor(source: string, header: Header, read: ReadBytes, close: () => Promise<void>) {
    this.source = source;
    this.#header = header;
    this.#read = read;
    this.#close = close;
  }

  get metadata(): Readonly<Record<string, string>> { return this.#header.metadata; }
  /** In the header's order. */
  names(): string[] { return [...this.#header.tensors.keys()]; }
  has(name: string): boolean { return this.#header.tensors.has(name); }
  /** Throws NoTensor. */
  info(name: string): TensorInfo {
    const info = this.#header.tensors.get(name);
    if (info !== undefined) return info;
    throw new SafetensorsError('NoTensor', `Cannot find tensor "${name}" in "${this.source}", which holds ${this.#header.tensors.size} others. Use a file that holds it`);
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
  /** Floats of any width. Throws WrongType for integers. */
  float32(name: string): Promise<Float32Array> { return this.#as(name, toFloat32); }
  float64(name: string): Promise<Float64Array> { return this.#as(name, toFloat64); }
  /** Integers of any width. Throws WrongType for floats, and for a number that 32 bits do not hold. */
  int32(name: string): Promise<Int32Array> { return this.#as(name, toInt32); }
  async [Symbol.asyncDispose](): Promise<void> { await this.#close(); }

  async #as<Values>(name: string, convert: (dtype: SafeDType, bytes: Uint8Array) => Values): Promise<Values> {
    const { dtype, bytes } = await this.read(name);
    try {
      return convert(dtype, bytes);
    } catch (cause) {
      if (!(cause instanceof TypeError || cause instanceof RangeError)) throw cause;
      throw new SafetensorsError('WrongType', `Cannot use tensor "${name}" of "${this.source}": ${cause.message}. Use a file that was made for this`, { cause });
    }
  }
}

/** Opens a file; only its header is read. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw new SafetensorsError('NotFound', `Cannot read safetensors "${path}": there is no such file. Check the path`, { cause });
  });
  try {
    const { size } = await file.stat();
    return await readHeader(path, size, (start, end) => readAt(path, file, start, end), () => file.close());
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A file that lies anywhere, by its size and a way to read bytes of it. */
export async function readHeader(source: string, size: number, read: ReadBytes, close: () => Promise<void> = () => Promise.resolve()): Promise<SafetensorsFile> {
  const length = headerLength(source, await read(0, Math.min(8, size)), size);
  return new SafetensorsFile(source, parseHeader(source, await read(8, 8 + length), size), read, close);
}

/** The same over bytes that are in memory already; what is read shares them. */
export function parseSafetensors(bytes: Uint8Array, source = 'bytes in memory'): SafetensorsFile {
  const length = headerLength(source, bytes.subarray(0, 8), bytes.length);
  const header = parseHeader(source, bytes.subarray(8, 8 + length), bytes.length);
  return new SafetensorsFile(source, header, (start, end) => Promise.resolve(bytes.subarray(start, end)), () => Promise.resolve());
}

async function readAt(source: string, file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  for (let got = 0; got < bytes.length;) {
    const { bytesRead } = await file.read(bytes, got, Math.min(bytes.length - got, 2 ** 30), start + got);
    if (bytesRead === 0) throw new SafetensorsError('Malformed', `Cannot read safetensors "${source}": the file became shorter while it was read. Try again when nothing writes it`);
    got += bytesRead;
  }
  return bytes;
}
