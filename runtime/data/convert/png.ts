import { crc32, deflateSync } from 'node:zlib';
import type { Picture } from './picture.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const RGB8 = [8, 2, 0, 0, 0]; // 8 bit, RGB, deflate, adaptive filters, not interlaced

/** RGB 8 bit PNG, stored without compression and filters: reading it back is copying. */
export function storedPng({ rgb, width, height }: Picture): Uint8Array {
  const stride = width * 3;
  const lines = new Uint8Array((stride + 1) * height); // each line begins with its filter: none
  for (let y = 0; y < height; y++) lines.set(rgb.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set(RGB8, 8);
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', deflateSync(lines, { level: 0 })), chunk('IEND', new Uint8Array())]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** The side of a square picture that `storedPng` wrote, or undefined where the bytes are not whole (every chunk has a checksum). */
export function sideOfStoredPng(bytes: Buffer): number | undefined {
  if (bytes.length < 57 || !bytes.subarray(0, 8).equals(SIGNATURE)) return undefined;
  let type = '';
  for (let at = 8; at < bytes.length;) {
    if (at + 12 > bytes.length) return undefined;
    const end = at + 8 + bytes.readUInt32BE(at);
    if (end + 4 > bytes.length || bytes.readUInt32BE(end) !== crc32(bytes.subarray(at + 4, end))) return undefined;
    type = bytes.toString('latin1', at + 4, at + 8);
    at = end + 4;
  }
  const side = bytes.readUInt32BE(16);
  return type === 'IEND' && side === bytes.readUInt32BE(20) && RGB8.every((value, i) => bytes[24 + i] === value) ? side : undefined;
}
