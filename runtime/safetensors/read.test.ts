import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSafetensors, parseSafetensors, type SafetensorsFile } from './read.ts';
import { bytesOf, safetensorsStream } from './write.ts';
import type { SafeDType } from './types.ts';

const folder = join(import.meta.dirname, 'fixtures');
const { files } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { files: { file: string; must: 'load' | 'refuse' | 'load-or-refuse'; why: string; safetensors_0_5_3: string }[] };

const refused = (file: string) => (error: unknown): boolean => {
  assert.ok(error instanceof Error && error.name === 'SafetensorsError', String(error));
  assert.ok(error.message.includes(file), `"${error.message}" does not name the file`);
  return true;
};

for (const { file, must, why, safetensors_0_5_3: python } of files) {
  test(`${file} (${why}): ${must}`, async () => {
    const path = join(folder, file);
    const inMemory = (): Promise<SafetensorsFile> => parseSafetensors(readFileSync(path), file);
    const started = performance.now();
    if (must === 'refuse') {
      await assert.rejects(openSafetensors(path), refused(file));
      await assert.rejects(inMemory(), refused(file));
    } else if (must === 'load') {
      for (const opened of [await openSafetensors(path), await inMemory()]) {
        await using tensors = opened;
        const listed = python.slice('loads: '.length).split(/, (?=[a-z_]+ \[)/).sort();
        assert.deepEqual(tensors.names().map((name) => `${name} [${tensors.info(name).shape.join(', ')}]`).sort(), listed);
        for (const name of tensors.names()) assert.equal((await tensors.float32(name)).length, tensors.info(name).shape.reduce((a, b) => a * b, 1));
      }
    } else {
      const outcome = await openSafetensors(path).then(async (tensors) => { await tensors.close(); return tensors.names(); }, (error) => (refused(file)(error), undefined));
      assert.ok(outcome === undefined || python.includes(outcome[0] ?? '?'));
      assert.equal(Object.getPrototypeOf({}), Object.prototype);
      assert.deepEqual(Object.keys(Object.prototype), []);
    }
    assert.ok(performance.now() - started < 1000);
  });
}

test('values of the sound control are read', async () => {
  await using tensors = await openSafetensors(join(folder, 'ok-two.safetensors'));
  assert.deepEqual([...await tensors.float32('a')], [1, -2, 0.5, 3.25]);
  assert.deepEqual([...(await tensors.float64('b'))], [1, -2, 0.5, 3.25]);
  await assert.rejects(tensors.float32('c'), { code: 'NoTensor', message: /Cannot find tensor "c" in ".*ok-two.safetensors", which holds 2 others/ });
  await assert.rejects(tensors.int32('a'), { code: 'WrongType' });
  const row = await tensors.readRows('a', 1, 2);
  assert.deepEqual([row.shape, ...new Float32Array(row.bytes.slice().buffer)], [[1, 2], 0.5, 3.25]);
});

test('a file that does not exist is said so', async () => {
  await assert.rejects(openSafetensors(join(folder, 'none.safetensors')), { code: 'NotFound' });
});

const conversions: Record<string, { dtype: SafeDType; bytes: ArrayBufferView; float?: number[]; int?: number[] }> = {
  'F16, with subnormals and infinity': { dtype: 'F16', bytes: new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff]), float: [1, -2, 2 ** -24, Infinity, 65504] },
  'BF16 as the upper half of float32': { dtype: 'BF16', bytes: new Uint16Array([0x3f80, 0xc049, 0x0000]), float: [1, -3.140625, 0] },
  F64: { dtype: 'F64', bytes: new Float64Array([0.5, -3]), float: [0.5, -3] },
  I64: { dtype: 'I64', bytes: new BigInt64Array([-5n, 2147483647n]), int: [-5, 2147483647] },
  I16: { dtype: 'I16', bytes: new Int16Array([-5, 300]), int: [-5, 300] },
  I8: { dtype: 'I8', bytes: new Int8Array([-5]), int: [-5] },
  U8: { dtype: 'U8', bytes: new Uint8Array([250]), int: [250] },
  BOOL: { dtype: 'BOOL', bytes: new Uint8Array([0, 1]), int: [0, 1] },
};
for (const [title, { dtype, bytes, float, int }] of Object.entries(conversions)) {
  test(`conversion of ${title}`, async () => {
    const values = float ?? int ?? [];
    // An odd name length and a byte in front put the data at odd addresses, too.
    const pieces: Uint8Array[] = [];
    for await (const piece of safetensorsStream([{ name: 'pad', dtype: 'U8', shape: [1], bytes: new Uint8Array(1) }, { name: 'x', dtype, shape: [values.length], bytes: bytesOf(bytes) }])) pieces.push(piece);
    const tensors = await parseSafetensors(new Uint8Array(Buffer.concat(pieces)));
    if (float !== undefined) {
      assert.deepEqual([...await tensors.float32('x')], float);
      assert.deepEqual([...await tensors.float64('x')], float);
    } else assert.deepEqual([...await tensors.int32('x')], int);
  });
}

test('an I64 that does not fit into 32 bits is refused', async () => {
  const pieces: Uint8Array[] = [];
  for await (const piece of safetensorsStream([{ name: 'x', dtype: 'I64', shape: [1], bytes: bytesOf(new BigInt64Array([2n ** 31n])) }])) pieces.push(piece);
  await assert.rejects((await parseSafetensors(Buffer.concat(pieces))).int32('x'), { code: 'WrongType' });
});
