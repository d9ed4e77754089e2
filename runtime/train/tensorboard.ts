import protobuf from 'protobufjs/minimal.js';
import { maskedCrc32c } from './crc32c.ts';

/** Wire types of protocol buffers. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const tag = (field: number, wire: number): number => (field << 3) | wire;

/** tensorflow/core/util/event.proto: Event { wall_time = 1; step = 2; file_version = 3; summary = 5 } */
export interface SummaryEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars?: Readonly<Record<string, number>>;
  readonly images?: Readonly<Record<string, { readonly png: Uint8Array; readonly width: number; readonly height: number }>>;
}

/** An event file that TensorBoard reads: one segment, whole and never appended to. */
export function eventFile(events: readonly SummaryEvent[], wallTime: number): Uint8Array {
  const version = protobuf.Writer.create().uint32(tag(1, FIXED64)).double(wallTime).uint32(tag(3, BYTES)).string('brain.Event:2').finish();
  return Buffer.concat([version, ...events.map(encodeEvent)].map(record));
}

function encodeEvent(event: SummaryEvent): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tag(1, FIXED64)).double(event.wallTime).uint32(tag(2, VARINT)).int64(event.step);
  writer.uint32(tag(5, BYTES)).fork();
  // summary.proto: Summary { repeated Value value = 1 }, Value { tag = 1; simple_value = 2; image = 4 }
  for (const [name, value] of Object.entries(event.scalars ?? {})) {
    writer.uint32(tag(1, BYTES)).fork().uint32(tag(1, BYTES)).string(name).uint32(tag(2, FIXED32)).float(value).ldelim();
  }
  // Image { height = 1; width = 2; colorspace = 3 (3 = RGB); encoded_image_string = 4 }
  for (const [name, { png, width, height }] of Object.entries(event.images ?? {})) {
    writer.uint32(tag(1, BYTES)).fork().uint32(tag(1, BYTES)).string(name).uint32(tag(4, BYTES)).fork()
      .uint32(tag(1, VARINT)).int32(height).uint32(tag(2, VARINT)).int32(width).uint32(tag(3, VARINT)).int32(3).uint32(tag(4, BYTES)).bytes(png)
      .ldelim().ldelim();
  }
  return writer.ldelim().finish();
}

/** A TFRecord: length (uint64), its masked CRC, data, its masked CRC; little-endian. */
function record(data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(16 + data.length);
  out.writeBigUInt64LE(BigInt(data.length), 0);
  out.writeUInt32LE(maskedCrc32c(out.subarray(0, 8)), 8);
  out.set(data, 12);
  out.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return out;
}
