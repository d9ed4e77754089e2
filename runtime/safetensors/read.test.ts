import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfTable, toHalf } from './convert.ts';
import { SafetensorsError } from './error.ts';
import { openSafetensors, parseSafetensors } from './read.ts';
import type { SafeDType } from './types.ts';
import { bytesOf, writeSafetensors } from './write.ts';

const folder = join(import.meta.dirname, 'fixtures');
const { files } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { files: { file: string; must: 'load' | 'refuse' | 'load-or-refuse'; why: string; safetensors_0_5_3: string }[] };

const refused = (file: string) => (error: unknown): true => {
  assert.ok(error instanceof SafetensorsError && error.code === 'Malformed', String(error));
  assert.ok(error.message.includes(file), `"${error.message}" does not name the file`);
  return true;
};

for (const { file, must, why, safetensors_0_5_3: python } of files) {
  test(`${file} (${why}): ${must}`, async () => {
    const path = join(folder, file);
    const inMemory = (): ReturnType<typeof parseSafetensors> => parseSafetensors(readFileSync(path), file);
    if (must === 'refuse') {
      await assert.rejects(openSafetensors(path), refused(file));
      assert.throws(inMemory, refused(file));
    } else if (must === 'load') {
      for (const opened of [await openSafetensors(path), inMemory()]) {
        await using tensors = opened;
        const listed = python.slice('loads: '.length).split(/, (?=[a-z_]+ \[)/).sort();
        assert.deepEqual(tensors.names().map((name) => `${name} [${tensors.info(name).shape.join(', ')}]`).sort(), listed);
        for (const name of tensors.names()) assert.equal((await tensors.float32(name)).length, tensors.info(name).shape.reduce((a, b) => a * b, 1));
      }
    } else {
      const names = await openSafetensors(path).then(async (opened) => { await using tensors = opened; return tensors.names(); }, (error: unknown) => { refused(file)(error); });
      if (names !== undefined) assert.ok(python.startsWith(`loads: ${names[0] ?? '?'}`), `it was read as ${names.join()}`);
      assert.deepEqual(Object.keys(Object.prototype), []);
    }
  });
}

test('values of the sound control are read, whole and by rows', async () => {
  await using tensors = await openSafetensors(join(folder, 'ok-two.safetensors'));
  assert.deepEqual([...await tensors.float32('a')], [1, -2, 0.5, 3.25]);
  assert.deepEqual([...await tensors.float64('b')], [1, -2, 0.5, 3.25]);
  const row = await tensors.read('a', { from: 1, to: 2 });
  assert.deepEqual([row.shape, ...new Float32Array(row.bytes.slice().buffer)], [[1, 2], 0.5, 3.25]);
  await assert.rejects(tensors.read('a', { from: 1, to: 3 }), RangeError);
});

test('what is not there, or not of the type, is refused with a sentence', async () => {
  await assert.rejects(openSafetensors(join(folder, 'none.safetensors')), { code: 'NotFound' });
  await using tensors = await openSafetensors(join(folder, 'ok-two.safetensors'));
  await assert.rejects(tensors.float32('c'), { code: 'NoTensor', message: /Cannot find tensor "c" in ".*ok-two.safetensors", which holds 2 others/ });
  await assert.rejects(tensors.int32('a'), { code: 'WrongType', message: /Cannot use tensor "a" of .*: Cannot read F32 as integers/ });
});

async function oneTensor(dtype: SafeDType, count: number, bytes: ArrayBufferView): Promise<ReturnType<typeof parseSafetensors>> {
  // A byte in front puts the data at an odd address.
  const pieces: Uint8Array[] = [];
  for await (const piece of writeSafetensors([{ name: 'pad', dtype: 'U8', shape: [1], bytes: new Uint8Array(1) }, { name: 'x', dtype, shape: [count], bytes: bytesOf(bytes) }])) pieces.push(piece);
  return parseSafetensors(Buffer.concat(pieces));
}

const conversions: Record<string, { dtype: SafeDType; bytes: ArrayBufferView; float?: number[]; int?: number[] }> = {
  'F16, with subnormals and infinity': { dtype: 'F16', bytes: new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff]), float: [1, -2, 2 ** -24, Infinity, 65504] },
  'BF16 as the upper half of float32': { dtype: 'BF16', bytes: new Uint16Array([0x3f80, 0xc049, 0x0000]), float: [1, -3.140625, 0] },
  F64: { dtype: 'F64', bytes: new Float64Array([0.5, -3]), float: [0.5, -3] },
  I64: { dtype: 'I64', bytes: new BigInt64Array([-5n, 2147483647n]), int: [-5, 2147483647] },
  I32: { dtype: 'I32', bytes: new Int32Array([-5, 7]), int: [-5, 7] },
  I16: { dtype: 'I16', bytes: new Int16Array([-5, 300]), int: [-5, 300] },
  I8: { dtype: 'I8', bytes: new Int8Array([-5]), int: [-5] },
  U8: { dtype: 'U8', bytes: new Uint8Array([250]), int: [250] },
  BOOL: { dtype: 'BOOL', bytes: new Uint8Array([0, 1]), int: [0, 1] },
};
for (const [title, { dtype, bytes, float, int }] of Object.entries(conversions)) {
  test(`conversion of ${title}`, async () => {
    const tensors = await oneTensor(dtype, (float ?? int ?? []).length, bytes);
    if (float !== undefined) {
      assert.deepEqual([...await tensors.float32('x')], float);
      assert.deepEqual([...await tensors.float64('x')], float);
    } else assert.deepEqual([...await tensors.int32('x')], int);
  });
}

test('an I64 that does not fit into 32 bits is refused', async () => {
  await assert.rejects((await oneTensor('I64', 1, new BigInt64Array([2n ** 31n]))).int32('x'), { code: 'WrongType' });
});

test('half precision: every value survives, and rounding is to the nearest, ties to even', () => {
  const table = halfTable();
  const finite = table.filter((value) => Number.isFinite(value));
  const back = toHalf(finite);
  finite.forEach((value, i) => { assert.ok(Object.is(table[back[i] as number], value), `${value}`); });
  const bits = toHalf(Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65_519, 65_520, 1e-8, 3e-8, NaN));
  assert.deepEqual([...bits], [0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 1, 0x7e00]);
});
