import { SafetensorsError } from './error.ts';
import { HeaderScanner } from './scan.ts';
import { BYTES_OF, isSafeDType, type TensorInfo } from './types.ts';

/** A header may be as long as this: 100 MB in the format's own reader; ours never needs a tenth. */
const MAX_HEADER = 16 * 2 ** 20;
const MAX_TENSORS = 100_000;
const MAX_RANK = 16;
const MAX_NAME = 1024;

export interface Header { readonly tensors: ReadonlyMap<string, TensorInfo>; readonly metadata: Readonly<Record<string, string>>; readonly dataStart: number }

/** Length of the header from the file's first 8 bytes, checked against the file's size before anything is allocated. */
export function headerLength(source: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8 || fileBytes < 8) throw malformed(source, `it has ${fileBytes} bytes, fewer than the length field`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length < 2n) throw malformed(source, 'its header is empty');
  if (length > BigInt(MAX_HEADER)) throw malformed(source, `its header claims ${length} bytes; at most ${MAX_HEADER} are read`);
  if (length + 8n > BigInt(fileBytes)) throw malformed(source, `its header claims ${length} bytes, more than the file holds`);
  return Number(length);
}

/** The checked header. Tensors must cover the data exactly: no gap, no overlap, no rest (as the format demands). */
export function parseHeader(source: string, bytes: Uint8Array, fileBytes: number): Header {
  // The format says so; a scanner would pass over white space.
  if (bytes[0] !== 0x7b) throw malformed(source, 'its header does not start with "{"');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed(source, 'its header is not UTF-8', cause);
  }
  const tensors = new Map<string, TensorInfo>();
  const metadata: [string, string][] = [];
  try {
    const scanner = new HeaderScanner(text);
    scanner.object((name) => {
      if (name === '__metadata__') scanner.object((key) => { metadata.push([key, scanner.text()]); });
      else tensors.set(name, readInfo(scanner, name));
      if (tensors.size > MAX_TENSORS) throw new SyntaxError(`it names more than ${MAX_TENSORS} tensors`);
    });
    scanner.end();
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw malformed(source, `in its header, ${cause.message}`, cause);
  }
  checkSpans(source, tensors, fileBytes - 8 - bytes.length);
  return { tensors, metadata: Object.fromEntries(metadata), dataStart: 8 + bytes.length };
}

function readInfo(scanner: HeaderScanner, name: string): TensorInfo {
  if (name.length > MAX_NAME) throw new SyntaxError(`the name of a tensor has ${name.length} letters; at most ${MAX_NAME} are read`);
  let dtype: string | undefined, shape: number[] | undefined, offsets: number[] | undefined;
  scanner.object((field) => {
    switch (field) {
      case 'dtype': dtype = scanner.text(); break;
      case 'shape': shape = scanner.wholeNumbers(); break;
      case 'data_offsets': offsets = scanner.wholeNumbers(); break;
      default: throw new SyntaxError(`tensor ${quoted(name)} has a field ${quoted(field)}, which the format does not know`);
    }
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) throw new SyntaxError(`tensor ${quoted(name)} lacks dtype, shape or data_offsets`);
  if (!isSafeDType(dtype)) throw new SyntaxError(`tensor ${quoted(name)} is of type ${quoted(dtype)}, which is not one of ${Object.keys(BYTES_OF).join(', ')}`);
  if (shape.length > MAX_RANK) throw new SyntaxError(`tensor ${quoted(name)} has ${shape.length} axes; at most ${MAX_RANK} are read`);
  const [start, end, ...more] = offsets;
  if (start === undefined || end === undefined || more.length > 0) throw new SyntaxError(`tensor ${quoted(name)} has data_offsets that are no pair`);
  // Past 2^53 a product is not exact, and no file is that long.
  const bytes = BYTES_OF[dtype] * shape.reduce((product, side) => product * side, 1);
  if (!Number.isSafeInteger(bytes) || end - start !== bytes) throw new SyntaxError(`tensor ${quoted(name)} spans ${end - start} bytes but ${dtype} [${shape.join(', ')}] needs ${bytes}`);
  return { dtype, shape, start, end };
}

function checkSpans(source: string, tensors: ReadonlyMap<string, TensorInfo>, dataBytes: number): void {
  let at = 0;
  for (const [name, { start, end }] of [...tensors].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== at) throw malformed(source, `tensor ${quoted(name)} begins at ${start}, but the one before ends at ${at}`);
    at = end;
  }
  if (at !== dataBytes) throw malformed(source, `its tensors end at ${at} but the file holds ${dataBytes} bytes of data`);
}

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
const malformed = (source: string, what: string, cause?: unknown): SafetensorsError =>
  new SafetensorsError('Malformed', `Cannot read safetensors "${source}": ${what}. Take the file from where it was made once more`, { cause });
