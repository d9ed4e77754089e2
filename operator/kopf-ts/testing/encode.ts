/** Plain objects as Protocol Buffers: what wire/message.ts reads, written. */
import protobuf from 'protobufjs/minimal.js';
import type { Writer } from 'protobufjs/minimal.js';
import { message, type Kind, type Message } from '../wire/message.ts';

/** The fields that the description names; undefined and null are absent. */
export function encode(fields: Message, object: Readonly<Record<string, unknown>>): Uint8Array {
  const writer = protobuf.Writer.create();
  write(writer, fields, object);
  return writer.finish();
}

const VARINT = 0;
const BYTES = 2;

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

const ENTRY = message({ key: [1, 'string'], value: [2, 'string'] });
const TIME = message({ seconds: [1, 'int'] });

function one(writer: Writer, number: number, kind: Kind, value: unknown): void {
  const tag = (type: number): Writer => writer.uint32((number << 3) | type);
  switch (kind) {
    case 'string': tag(BYTES).string(value as string); break;
    case 'bytes': tag(BYTES).bytes(value as Uint8Array); break;
    case 'int': case 'nonzero': tag(VARINT).int64(value as number); break;
    case 'bool': tag(VARINT).bool(value as boolean); break;
    case 'time': one(writer, number, TIME, { seconds: Date.parse(value as string) / 1000 }); break;
    default:
      tag(BYTES).fork();
      write(writer, kind as Message, value as Record<string, unknown>);
      writer.ldelim();
  }
}
