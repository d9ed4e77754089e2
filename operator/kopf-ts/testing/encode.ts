/** Plain objects as Protocol Buffers: what wire/message.ts reads, written. */
import protobuf from 'protobufjs/minimal.js';
import type { Writer } from 'protobufjs/minimal.js';
import { ENTRY, TIME, wireType, type Kind, type Message } from '../wire/message.ts';

/** The fields that the description names; undefined and null are absent. */
export function encode(fields: Message, object: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = protobuf.Writer.create();
  write(writer, fields, object);
  return writer.finish();
}

function write(writer: Writer, fields: Message, object: Readonly<Record<string, unknown>>): void {
  fields.forEach((field, number) => {
    const value = field === undefined ? undefined : object[field.name];
    if (field === undefined || value === undefined || value === null) return;
    const { kind } = field;
    if (typeof kind === 'object' && 'list' in kind) for (const item of value as unknown[]) one(writer, number, kind.list, item);
    else if (kind === 'map') for (const [key, is] of Object.entries(value)) one(writer, number, ENTRY, { key, value: is as unknown });
    else one(writer, number, kind, value);
  });
}

function one(writer: Writer, number: number, kind: Kind, value: unknown): void {
  if (kind === 'time') {
    one(writer, number, TIME, { seconds: Date.parse(value as string) / 1000 });
    return;
  }
  writer.uint32((number << 3) | wireType(kind));
  switch (kind) {
    case 'string': writer.string(value as string); break;
    case 'bytes': writer.bytes(value as Uint8Array); break;
    case 'int': case 'nonzero': writer.int64(value as number); break;
    case 'bool': writer.bool(value as boolean); break;
    default:
      writer.fork();
      write(writer, kind as Message, value as Record<string, unknown>);
      writer.ldelim();
  }
}
