import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import yazl from 'yazl';
import { StorageError, type Storage } from '../storage/storage.ts';
import { npyHeader, npyNumbers, NPY_HEADER_LIMIT, NPY_TYPES, parseNpyHeader, type NpyHeader } from './npy.ts';
import { EvaluateError } from './rows.ts';

/** Arrays of an .npz file (a zip of .npy files), read from storage by ranges; the file is untrusted. */
export interface Npz extends Disposable {
  /** Headers by name, without ".npy". */
  readonly arrays: ReadonlyMap<string, NpyHeader>;
  /** A whole array as float64, its checksum verified. Throws BadReference. */
  numbers(name: string): Promise<Float64Array>;
  /** Bytes of an array in chunks of `rows` rows (entries of the first axis; the last chunk may be shorter). */
  rows(name: string, rows: number): AsyncGenerator<Uint8Array>;
}

/** Arrays in a file, at most; ADM's reference files hold five. */
const ARRAY_LIMIT = 64;
/** Bytes of an array that is read whole, at most: a covariance of 8192 dimensions in float64. */
const WHOLE_LIMIT = 512 * 2 ** 20;

/** Opens storage's object as .npz. Throws BadReference if it is none. */
export async function openNpz(storage: Storage, path: string): Promise<Npz> {
  const where = `"${storage.uri}/${path}"`;
  const bytes = await storage.size(path).catch((cause: unknown) => {
    if (!(cause instanceof StorageError) || cause.code !== 'NotFound') throw cause;
    throw new EvaluateError('BadReference', `Cannot find ${where}. Set spec.reference.npz to an existing file`, { cause });
  });
  const refuse = (why: string, cause?: unknown): EvaluateError =>
    new EvaluateError('BadReference', `Cannot read ${where} as .npz: ${why}. Save it again with numpy.savez`, { cause });
  const zip = await yauzl.fromRandomAccessReaderPromise(new RangeReader(storage, path), bytes, { autoClose: false })
    .catch((cause: unknown) => { throw refuse(messageOf(cause), cause); });
  const entries = new Map<string, yauzl.Entry>();
  const arrays = new Map<string, NpyHeader>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (entries.size >= ARRAY_LIMIT) throw refuse(`it holds more than ${ARRAY_LIMIT} arrays`);
      if (!entry.fileName.endsWith('.npy')) throw refuse(`it holds "${entry.fileName.slice(0, 80)}", which is no array`);
      const name = entry.fileName.slice(0, -'.npy'.length);
      const start = await firstBytes(await zip.openReadStreamPromise(entry), NPY_HEADER_LIMIT);
      let header: NpyHeader;
      try {
        header = parseNpyHeader(start, name);
      } catch (error) {
        // An array that nobody asks for (labels, names) may have any type.
        if (error instanceof EvaluateError && !WANTED.has(name)) continue;
        throw error;
      }
      if (entry.uncompressedSize !== header.offset + header.bytes) {
        throw refuse(`array "${name}" is ${entry.uncompressedSize} bytes long and its shape takes ${header.offset + header.bytes}`);
      }
      entries.set(name, entry);
      arrays.set(name, header);
    }
  } catch (error) {
    zip.close();
    throw error instanceof EvaluateError ? error : refuse(messageOf(error), error);
  }
  const entryOf = (name: string): { entry: yauzl.Entry; header: NpyHeader } => {
    const entry = entries.get(name);
    const header = arrays.get(name);
    if (entry === undefined || header === undefined) throw refuse(`it has no array "${name}", only ${[...arrays.keys()].map((key) => `"${key}"`).join(', ')}`);
    return { entry, header };
  };
  async function* chunks(name: string, chunkBytes: number): AsyncGenerator<Uint8Array> {
    const { entry, header } = entryOf(name);
    let checksum = 0;
    let skip = header.offset;
    let held: Buffer[] = [];
    let heldBytes = 0;
    try {
      for await (const piece of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
        checksum = crc32(piece, checksum);
        const body = piece.subarray(skip);
        skip -= Math.min(skip, piece.length);
        held.push(body);
        heldBytes += body.length;
        if (heldBytes < chunkBytes) continue;
        const all = Buffer.concat(held);
        let at = 0;
        for (; at + chunkBytes <= all.length; at += chunkBytes) yield Uint8Array.from(all.subarray(at, at + chunkBytes));
        held = [all.subarray(at)];
        heldBytes = all.length - at;
      }
    } catch (cause) {
      throw refuse(`array "${name}" is damaged (${messageOf(cause)})`, cause);
    }
    if (checksum !== entry.crc32) throw refuse(`the checksum of array "${name}" does not hold`);
    if (heldBytes > 0) yield Uint8Array.from(Buffer.concat(held));
  }
  return {
    arrays,
    async numbers(name) {
      const { header } = entryOf(name);
      if (header.bytes > WHOLE_LIMIT) throw refuse(`array "${name}" has ${header.bytes} bytes, more than the ${WHOLE_LIMIT} allowed`);
      let whole = new Uint8Array(0);
      // To the end, where the checksum is looked at.
      for await (const chunk of chunks(name, Math.max(1, header.bytes))) whole = chunk as Uint8Array<ArrayBuffer>;
      return npyNumbers(header.type, whole);
    },
    rows: (name, rows) => {
      const { header } = entryOf(name);
      return chunks(name, Math.max(1, (header.bytes / Math.max(1, header.shape[0] ?? 1)) * rows));
    },
    [Symbol.dispose]() { zip.close(); },
  };
}
/** Arrays that the evaluation reads (ADM's names). */
const WANTED = new Set(['arr_0', 'mu', 'sigma', 'mu_s', 'sigma_s']);
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

async function firstBytes(stream: Readable, limit: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= limit) break;
  }
  stream.destroy();
  return Buffer.concat(pieces).subarray(0, limit);
}

/** yauzl's view of an object in storage. */
class RangeReader extends yauzl.RandomAccessReader {
  readonly #storage: Storage;
  readonly #path: string;
  constructor(storage: Storage, path: string) {
    super();
    this.#storage = storage;
    this.#path = path;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const storage = this.#storage;
    const path = this.#path;
    return Readable.from((async function* () {
      for (let at = start; at < end; at += 2 ** 20) yield Buffer.from(await storage.read(path, { start: at, end: Math.min(end, at + 2 ** 20) }));
    })(), { objectMode: false });
  }

  // The base class leaves it to the caller to close what is behind; storage needs no closing.
  override close(done: (error: Error | null) => void): void { done(null); }
}

/** Writes arrays one after the other as an uncompressed .npz; each is given by its rows' bytes, so memory stays flat.
 *  Above 4 GiB the zip is a zip64, which numpy reads as well. */
export async function writeNpz(
  storage: Storage, path: string, arrays: readonly { readonly name: string; readonly type: NpyHeader['type']; readonly shape: readonly number[]; readonly rows: AsyncIterable<Uint8Array> }[],
): Promise<{ bytes: number; sha256: string }> {
  const zip = new yazl.ZipFile();
  const output = zip.outputStream as Readable;
  // A failing source must fail the write, not leave it waiting; whoever reads the output hears of it there.
  const fail = (error: Error): void => { output.destroy(error); };
  output.on('error', () => undefined);
  zip.on('error', fail);
  for (const { name, type, shape, rows } of arrays) {
    const header = npyHeader(type, shape);
    const size = header.length + shape.reduce((product, side) => product * side, 1) * NPY_TYPES[type];
    const content = Readable.from((async function* () {
      yield header;
      yield* rows;
    })(), { objectMode: false });
    content.on('error', fail);
    // mtime: same pictures, same bytes.
    zip.addReadStream(content, `${name}.npy`, { compress: false, mtime: new Date(1980, 0, 1), size });
  }
  zip.end();
  return storage.write(path, output as AsyncIterable<Uint8Array>);
}
