import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c, crc32cText } from './crc32c.ts';

// RFC 3720, B.4.
for (const [name, bytes, want] of [
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['"123456789"', new TextEncoder().encode('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(), 0],
] as const) {
  test(`CRC-32C of ${name}`, () => { assert.equal(crc32c(bytes), want); });
}

test('in pieces of any length and alignment it is that of the whole', () => {
  const bytes = Uint8Array.from({ length: 200 }, (_, i) => i * 37);
  const whole = crc32c(bytes);
  for (let cut = 0; cut <= bytes.length; cut++) assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole, `cut at ${cut}`);
});

test('as text it is what Cloud Storage shows', () => { assert.equal(crc32cText(0xe3069283), '4waSgw=='); });
