/** Protocol Buffers messages as plain objects. Of a message only the fields that its description names are read; the rest, often most of it, is skipped. */
import protobuf from 'protobufjs/minimal.js';
import type { Reader } from 'protobufjs/minimal.js';

/** 'int': int32 or int64, as long as a double holds it. 'nonzero': the same where JSON leaves a 0 out. 'time': metav1.Time, as RFC 3339. 'map': of strings. */
export type Kind = 'string' | 'bytes' | 'int' | 'nonzero' | 'bool' | 'time' | 'map' | Message | { readonly list: Kind };

export interface Field {
  readonly name: string;
  readonly kind: Kind;
}

/** A message, by its fields' numbers. */
export type Message = readonly (Field | undefined)[];

/** Describes a message: `message({ phase: [1, 'string'] })`, with the numbers of its .proto file. */
export function message(fields: Readonly<Record<string, readonly [number, Kind]>>): Message {
  const byNumber: (Field | undefined)[] = [];
  for (const [name, [number, kind]] of Object.entries(fields)) byNumber[number] = { name, kind };
  return byNumber;
}

export const list = (kind: Kind): { readonly list: Kind } => ({ list: kind });

/** As JSON would have it: absent is undefined, and so is an empty string, which Kubernetes' JSON leaves out. Throws when the bytes are no such message. */
export function decode(fields: Message, bytes: Uint8Array): Record<string, unknown> {
  const reader = protobuf.Reader.create(bytes);
  return read(reader, reader.len, fields);
}

/** Wire types: https://protobuf.dev/programming-guides/encoding/#structure */
const VARINT = 0;
const BYTES = 2;

function read(reader: Reader, end: number, fields: Message): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  while (reader.pos < end) {
    const tag = reader.uint32();
    const field = fields[tag >>> 3];
    if (field === undefined || (tag & 7) !== wireType(field.kind)) {
      reader.skipType(tag & 7);
      continue;
    }
    const { name, kind } = field;
    if (typeof kind === 'object' && 'list' in kind) ((object[name] ??= []) as unknown[]).push(value(reader, kind.list));
    else if (kind === 'map') entry(reader, (object[name] ??= {}) as Record<string, string>);
    else {
      const one = value(reader, kind);
      if (one !== '' && one !== undefined && !(one === 0 && kind === 'nonzero')) object[name] = one;
    }
  }
  if (reader.pos !== end) throw new RangeError(`a message of the answer ends ${reader.pos - end} bytes after its end`);
  return object;
}

export const wireType = (kind: Kind): number => (kind === 'int' || kind === 'nonzero' || kind === 'bool' ? VARINT : BYTES);

function value(reader: Reader, kind: Kind): unknown {
  switch (kind) {
    case 'string': return reader.string();
    case 'bytes': return reader.bytes();
    case 'int': case 'nonzero': return toNumber(reader.int64());
    case 'bool': return reader.bool();
    case 'time': return time(value(reader, TIME) as { seconds?: number; nanos?: number });
    case 'map': throw new TypeError('A list of maps has no form in Protocol Buffers');
    default: {
      if ('list' in kind) throw new TypeError('A list of lists has no form in Protocol Buffers');
      const length = reader.uint32();
      return read(reader, reader.pos + length, kind);
    }
  }
}

/** metav1.Time. */
export const TIME = message({ seconds: [1, 'int'], nanos: [2, 'int'] });

/** Without a fraction where it has none, as Kubernetes writes it. The empty message is no time. */
function time({ seconds, nanos = 0 }: { readonly seconds?: number; readonly nanos?: number }): string | undefined {
  return seconds === undefined ? undefined : new Date(seconds * 1000 + nanos / 1e6).toISOString().replace('.000Z', 'Z');
}

/** Of a map. */
export const ENTRY = message({ key: [1, 'string'], value: [2, 'string'] });

function entry(reader: Reader, map: Record<string, string>): void {
  const { key = '', value: is = '' } = value(reader, ENTRY) as { key?: string; value?: string };
  // Not an assignment: the key may be "__proto__".
  Object.defineProperty(map, key, { value: is, enumerable: true, writable: true, configurable: true });
}

/** protobufjs gives a Long where the package long is there, as in a bundle it may not be. */
const toNumber = (read: unknown): number => (typeof read === 'number' ? read : (read as { toNumber(): number }).toNumber());
