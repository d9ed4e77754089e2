import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfTable, toHalf } from './convert.ts';
import { SafetensorsError } from './header.ts';
import { openSafetensors, parseSafetensors } from './read.ts';
import { bytesOf, writeSafetensors } from './write.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const manifest = JSON.parse(await readFile(join(fixtures, 'manifest.json'), 'utf8')) as { files: { file: string; must: string; why: string }[] };

for (const { file, must, why } of manifest.files) {
  test(`${file} (${why}): ${must}`, async () => {
    const path = join(fixtures, file);
    const load = async (): Promise<void> => {
      await using opened = await openSafetensors(path);
      for (const name of opened.names()) await opened.read(name);
    };
    if (must === 'load') await load();
    else if (must === 'refuse') await assert.rejects(load, (error) => error instanceof SafetensorsError && error.message.includes(file));
    else await load().catch((error: unknown) => { assert.ok(error instanceof SafetensorsError); });
    if (must === 'refuse') assert.throws(() => parseSafetensors(new Uint8Array(0)), SafetensorsError);
  });
}

test('the sound control file has the values its manifest tells', async () => {
  await using file = await openSafetensors(join(fixtures, 'ok-two.safetensors'));
  assert.deepEqual([...await file.float32('a')], [1, -2, 0.5, 3.25]);
  assert.deepEqual(file.info('b').shape, [4]);
});

test('what is written is read back: names, shapes, metadata, bytes, rows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
  try {
    const path = join(folder, 'x.safetensors');
    const x = Float32Array.of(1, 2, 3, 4, 5, 6), ids = BigInt64Array.of(7n, -1n);
    const entries = [
      { name: 'x', dtype: 'F32' as const, shape: [3, 2], bytes: () => bytesOf(x) },
      { name: 'ids', dtype: 'I64' as const, shape: [2], bytes: bytesOf(ids) },
    ];
    await writeFile(path, writeSafetensors(entries, { step: '7' }));
    await using file = await openSafetensors(path);
    assert.deepEqual(file.names(), ['x', 'ids']);
    assert.equal(file.metadata['step'], '7');
    assert.deepEqual(await file.float32('x'), x);
    assert.deepEqual([...await file.int32('ids')], [7, -1]);
    const rows = await file.read('x', { from: 1, to: 2 });
    assert.deepEqual([...new Float32Array(rows.bytes.slice().buffer)], [3, 4]);
    await assert.rejects(file.read('x', { from: 2, to: 4 }), RangeError);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('half precision: every value survives, and rounding is to the nearest, ties to even', () => {
  const table = halfTable();
  const finite = table.filter((value) => Number.isFinite(value));
  const back = toHalf(finite);
  finite.forEach((value, i) => { assert.ok(Object.is(table[back[i] as number], value), `${value}`); });
  const bits = toHalf(Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65_519, 65_520, 1e-8, 3e-8, NaN));
  assert.deepEqual([...bits], [0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 1, 0x7e00]);
});
