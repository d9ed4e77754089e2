import type { SafeDType, TensorInfo } from './types.ts';

/** A file that is not the safetensors it claims to be. The message names the file and what is wrong. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly code = 'BadSafetensors';
}

export const BYTES: Readonly<Record<SafeDType, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 };

/** A header may be as long as this: 100 MB in the format's own reader; ours never needs a tenth. */
const MAX_HEADER = 16 * 2 ** 20;
const MAX_TENSORS = 100_000;
const MAX_RANK = 16;
const MAX_NAME = 1024;

export interface Header { readonly tensors: ReadonlyMap<string, TensorInfo>; readonly metadata: Readonly<Record<string, string>>; readonly dataStart: number }

/** Length of the header from the file's first 8 bytes, checked against the file's size before anything is allocated. */
export function headerLength(source: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8 || fileBytes < 8) throw bad(source, `it has ${fileBytes} bytes, fewer than the length field`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length < 2n) throw bad(source, 'its header is empty');
  if (length > BigInt(MAX_HEADER)) throw bad(source, `its header claims ${length} bytes; at most ${MAX_HEADER} are read`);
  if (length + 8n > BigInt(fileBytes)) throw bad(source, `its header claims ${length} bytes, more than the file holds`);
  return Number(length);
}

/** The checked header. Tensors must cover the data exactly: no gap, no overlap, no rest (as the format demands). */
export function parseHeader(source: string, bytes: Uint8Array, fileBytes: number): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw bad(source, 'its header is not UTF-8', cause);
  }
  if (!text.startsWith('{')) throw bad(source, 'its header does not start with "{"');
  const nesting = depth(text);
  if (nesting > 3) throw bad(source, 'its header is nested deeper than the format knows');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw bad(source, 'its header is not JSON', cause);
  }
  if (!isRecord(json)) throw bad(source, 'its header is no object');
  const keys = topLevelKeys(text);
  if (new Set(keys).size !== keys.length) throw bad(source, 'a name stands twice in its header');
  if (keys.length > MAX_TENSORS) throw bad(source, `it holds ${keys.length} tensors; at most ${MAX_TENSORS} are read`);

  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(json)) {
    if (name === '__metadata__') metadata = metadataOf(source, entry);
    else tensors.set(name, infoOf(source, name, entry));
  }
  checkSpans(source, tensors, fileBytes - 8 - bytes.length);
  return { tensors, metadata, dataStart: 8 + bytes.length };
}

function infoOf(source: string, name: string, entry: unknown): TensorInfo {
  const where = `tensor ${JSON.stringify(name.slice(0, 80))}`;
  if (name.length > MAX_NAME || name === '__proto__') throw bad(source, `${where} has a name that is not accepted`);
  if (!isRecord(entry)) throw bad(source, `${where} is no object`);
  const fields = Object.keys(entry).sort().join();
  if (fields !== 'data_offsets,dtype,shape') throw bad(source, `${where} has the fields "${fields.slice(0, 80)}" instead of dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES, dtype)) throw bad(source, `${where} has the type ${JSON.stringify(dtype)}, which is not one of ${Object.keys(BYTES).join(', ')}`);
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isSize)) throw bad(source, `${where} has a shape that is no list of sizes`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) throw bad(source, `${where} has data_offsets that are no pair of positions`);
  const [start, end] = offsets as [number, number];
  const elements = (shape as number[]).reduce((product, side) => product * side, 1);
  if (!Number.isSafeInteger(elements) || end - start !== elements * BYTES[dtype as SafeDType]) {
    throw bad(source, `${where} spans ${end - start} bytes but ${dtype} [${shape.join(', ')}] needs ${elements * BYTES[dtype as SafeDType]}`);
  }
  return { dtype: dtype as SafeDType, shape: shape as number[], start, end };
}

function metadataOf(source: string, entry: unknown): Record<string, string> {
  if (!isRecord(entry) || !Object.values(entry).every((value) => typeof value === 'string')) throw bad(source, 'its __metadata__ is not text by name');
  return entry as Record<string, string>;
}

function checkSpans(source: string, tensors: ReadonlyMap<string, TensorInfo>, dataBytes: number): void {
  let at = 0;
  for (const [name, { start, end }] of [...tensors].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== at) throw bad(source, `tensor ${JSON.stringify(name.slice(0, 80))} begins at ${start}, but the one before ends at ${at}`);
    at = end;
  }
  if (at !== dataBytes) throw bad(source, `its tensors end at ${at} but the file holds ${dataBytes} bytes of data`);
}

/** Keys of the outermost object as they stand in the text: JSON.parse keeps the last of two equal ones and says nothing. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  let level = 0, isKey = false;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') isKey = ++level === 1;
    else if (token === '}' || token === ']') level--;
    else if (token === ',') isKey = level === 1;
    else if (isKey && level === 1) {
      keys.push(JSON.parse(token) as string);
      isKey = false;
    }
  }
  return keys;
}

function depth(text: string): number {
  let level = 0, deepest = 0;
  for (const [token] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') deepest = Math.max(deepest, ++level);
    else if (token === '}' || token === ']') level--;
  }
  return deepest;
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
const bad = (source: string, what: string, cause?: unknown): SafetensorsError =>
  new SafetensorsError(`Cannot read safetensors "${source}": ${what}. Take the file from where it was made once more`, { cause });
