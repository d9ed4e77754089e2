import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { decode } from './decode.ts';
import { sideOfStoredPng, storedPng } from './png.ts';

/** A PNG of one row. colourType: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
function png(bits: number, colourType: number, samples: number[], chunks: Readonly<Record<string, number[]>> = {}): Buffer {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colourType] ?? 1;
  const row = bits === 16 ? samples.flatMap((value) => [value >> 8, value & 255]) : bits === 8 ? samples : [samples.reduce((byte, value) => byte << bits | value, 0)];
  const header = Buffer.from([0, 0, 0, samples.length / channels, 0, 0, 0, 1, bits, colourType, 0, 0, 0]);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), ...Object.entries(chunks).map(([type, data]) => chunk(type, Buffer.from(data))),
    chunk('IDAT', deflateSync(Buffer.from([0, ...row]))), chunk('IEND', Buffer.alloc(0))]);
}

const grey = (...values: number[]): number[] => values.flatMap((value) => [value, value, value]);
/** What Pillow 11.0's convert('RGB') gives, tried with it. */
const cases: Readonly<Record<string, readonly [bytes: Buffer, rgb: number[]]>> = {
  'grey is replicated': [png(8, 0, [3, 200]), grey(3, 200)],
  'grey of 4 bits is spread': [png(4, 0, [0, 5]), grey(0, 85)],
  'grey of 1 bit is black and white': [png(1, 0, [0, 1, 1, 0, 0, 0, 0, 1]), grey(0, 255, 255, 0, 0, 0, 0, 255)],
  'grey of 16 bits is clipped': [png(16, 0, [7, 255, 256, 62501]), grey(7, 255, 255, 255)],
  'grey of 16 bits with a transparent level is clipped': [png(16, 0, [7, 300], { tRNS: [0, 7] }), grey(7, 255)],
  'grey of 16 bits with alpha keeps the high byte': [png(16, 4, [0x1234, 0xffff, 0xabff, 0]), grey(0x12, 0xab)],
  'RGB of 16 bits keeps the high byte': [png(16, 2, [0x01ff, 0x80ff, 0xff00]), [0x01, 0x80, 0xff]],
  'alpha is dropped': [png(8, 6, [10, 20, 30, 0, 40, 50, 60, 255]), [10, 20, 30, 40, 50, 60]],
  'a transparent colour stays': [png(8, 2, [10, 20, 30, 40, 50, 60], { tRNS: [0, 10, 0, 20, 0, 30] }), [10, 20, 30, 40, 50, 60]],
  'a palette is looked up, its alpha dropped': [png(8, 3, [1, 0], { PLTE: [1, 2, 3, 200, 100, 0], tRNS: [0, 128] }), [200, 100, 0, 1, 2, 3]],
  'gamma is not applied': [png(8, 2, [10, 128, 30], { gAMA: [0, 1, 0x86, 0xa0] }), [10, 128, 30]],
};
for (const [name, [bytes, rgb]] of Object.entries(cases)) {
  test(name, async () => { assert.deepEqual([...(await decode(bytes)).rgb], rgb); });
}

test('CMYK as ImageNet has it gives the bytes of Pillow', async () => {
  const jpeg = Buffer.from('/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwANCQoLCggNCwoLDg4NDxMgFRMSEhMnHB4XIC4pMTAuKS0sMzpKPjM2RjcsLUBXQUZMTlJTUjI+WmFaUGBKUVJP/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkK'
    + 'C//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh'
    + '4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwDkdB/hrkf7E/2K67UL3rzXoN53r0nQf4aP7E/2K5fUL3rzWFed6820H+GvSf7E/wBipdQvevNbt53r0nQf4aP7E/2K5jUL3rzWFed6/9k=', 'base64');
  const { width, height, rgb } = await decode(jpeg);
  assert.deepEqual([width, height, createHash('sha256').update(rgb).digest('hex')], [16, 16, '5af1141e5cd009ecf59816b966090d0d8e7d62c32ec6fd39f3e07e4a7cbf65d3']);
});

test('on a background, colours are mixed by their alpha', async () => {
  assert.deepEqual([...(await decode(png(8, 6, [10, 20, 30, 0, 40, 50, 60, 255, 0, 100, 255, 128]), [255, 255, 0])).rgb], [255, 255, 0, 40, 50, 60, 127, 177, 128]);
  assert.deepEqual([...(await decode(png(8, 4, [10, 0, 20, 255]), [1, 2, 3])).rgb], [1, 2, 3, 20, 20, 20]);
});

test('orientation is left as it is stored', async () => {
  const turned = await sharp({ create: { width: 8, height: 4, channels: 3, background: 'red' } }).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const { width, height } = await decode(turned);
  assert.deepEqual([width, height], [8, 4]);
});

const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } }).jpeg().toBuffer();
const broken: Readonly<Record<string, Uint8Array>> = {
  'a JPEG that ends early': jpeg.subarray(0, jpeg.length - 40),
  'a PNG that ends early': png(8, 2, [1, 2, 3]).subarray(0, 50),
  'text': Buffer.from('no picture'),
  'nothing': new Uint8Array(),
  'a drawing that would be rendered': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'),
};
for (const [name, bytes] of Object.entries(broken)) {
  test(`${name} is no picture`, async () => { await assert.rejects(decode(bytes)); });
}

test('a stored PNG reads back, and shows when a byte has changed', async () => {
  const rgb = Uint8Array.from({ length: 256 * 256 * 3 }, (_, i) => i * 7); // more than one stored block
  const bytes = Buffer.from(storedPng({ width: 256, height: 256, rgb }));
  assert.equal(sideOfStoredPng(bytes), 256);
  assert.deepEqual((await decode(bytes)).rgb, Buffer.from(rgb));
  bytes[1000] = (bytes[1000] as number) ^ 1;
  assert.equal(sideOfStoredPng(bytes), undefined);
  assert.equal(sideOfStoredPng(bytes.subarray(0, 5000)), undefined);
  assert.equal(sideOfStoredPng(jpeg), undefined);
});
