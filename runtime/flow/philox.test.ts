import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Philox, philox4x32 } from './philox.ts';

// Known answers published with the algorithm (Random123, kat_vectors).
const known = {
  'all zero': { counter: [0, 0, 0, 0], key: [0, 0], want: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  'all ones': { counter: [-1, -1, -1, -1], key: [-1, -1], want: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
  'digits of pi': {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], key: [0xa4093822, 0x299f31d0],
    want: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
} as const;

for (const [name, { counter, key, want }] of Object.entries(known)) {
  test(`philox4x32-10 gives the published words for ${name}`, () => {
    const words = new Uint32Array(4);
    philox4x32(words, ...(counter as [number, number, number, number]), ...(key as [number, number]));
    assert.deepEqual([...words], [...want]);
  });
}

test('normals have the moments of a normal distribution, and streams do not repeat one another', () => {
  const values = new Philox([7, 1], [2, 3]).normals(new Float64Array(200_000));
  const other = new Philox([7, 1], [2, 4]).normals(new Float64Array(200_000));
  const mean = (of: (x: number, i: number) => number) => values.reduce((sum, x, i) => sum + of(x, i), 0) / values.length;
  // Five deviations of each mean's own error.
  assert.ok(Math.abs(mean((x) => x)) < 5 / Math.sqrt(2e5));
  assert.ok(Math.abs(mean((x) => x * x) - 1) < 5 * Math.sqrt(2 / 2e5));
  assert.ok(Math.abs(mean((x) => x ** 4) - 3) < 5 * Math.sqrt(96 / 2e5));
  assert.ok(Math.abs(mean((x, i) => x * (other[i] as number))) < 5 / Math.sqrt(2e5));
});

test('uniforms stay inside their bounds and a longer draw begins like a shorter one', () => {
  const long = new Philox([1, 2], [3, 4]).uniforms(new Float32Array(1001), -0.5, 0.5);
  const short = new Philox([1, 2], [3, 4]).uniforms(new Float32Array(7), -0.5, 0.5);
  assert.deepEqual(short, long.slice(0, 7));
  assert.ok(long.every((x) => x >= -0.5 && x < 0.5));
});
