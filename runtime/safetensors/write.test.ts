import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSafetensors, parseSafetensors } from './read.ts';
import { bytesOf, writeSafetensors } from './write.ts';

let folder: string;
before(async () => { folder = await mkdtemp(join(tmpdir(), 'srdit-safetensors-')); });
after(async () => { await rm(folder, { recursive: true }); });

async function written(...what: Parameters<typeof writeSafetensors>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writeSafetensors(...what)) pieces.push(piece);
  return Buffer.concat(pieces);
}

test('what is written is read again: names, shapes, values, metadata', async () => {
  const path = join(folder, 'a.safetensors');
  const weights = new Float32Array([1.5, -2, 3, 4, 5, 6]);
  await writeFile(path, writeSafetensors([
    { name: '__proto__', dtype: 'F32', shape: [2, 3], bytes: () => bytesOf(weights) },
    { name: 'ünï "quoted"', dtype: 'I32', shape: [3], bytes: () => Promise.resolve(bytesOf(new Int32Array([7, 8, 9]))) },
    { name: 'nothing', dtype: 'F16', shape: [0, 4], bytes: new Uint8Array() },
  ], { step: '12', note: 'a\nb' }));
  await using tensors = await openSafetensors(path);
  assert.deepEqual(tensors.names(), ['__proto__', 'ünï "quoted"', 'nothing']);
  assert.deepEqual(await tensors.float32('__proto__'), weights);
  assert.deepEqual([...await tensors.int32('ünï "quoted"')], [7, 8, 9]);
  assert.deepEqual(tensors.info('nothing').shape, [0, 4]);
  assert.deepEqual(Object.entries(tensors.metadata), [['step', '12'], ['note', 'a\nb']]);
});

test('data begins at a multiple of 8, and the same entries give the same bytes', async () => {
  for (const name of ['a', 'ab', 'abcdefg']) {
    const once = await written([{ name, dtype: 'U8', shape: [1], bytes: Uint8Array.of(9) }]);
    assert.equal(Number(once.readBigUInt64LE(0)) % 8, 0);
    assert.deepEqual([...(await parseSafetensors(once).int32(name))], [9]);
    assert.deepEqual(await written([{ name, dtype: 'U8', shape: [1], bytes: Uint8Array.of(9) }]), once);
  }
});

const f32 = (name: string, elements: number): { name: string; dtype: 'F32'; shape: number[]; bytes: Uint8Array } => ({ name, dtype: 'F32', shape: [2], bytes: new Uint8Array(4 * elements) });
const wrong: Record<string, Parameters<typeof writeSafetensors>[0]> = {
  'two tensors of one name': [f32('a', 2), f32('a', 2)],
  'too few bytes': [f32('a', 1)],
  'too many bytes, made late': [{ ...f32('a', 2), bytes: () => new Uint8Array(9) }],
  'the name of the metadata': [f32('__metadata__', 2)],
};
for (const [title, entries] of Object.entries(wrong)) {
  test(`${title}: refused`, async () => { await assert.rejects(written(entries), { name: 'SafetensorsError', code: 'BadEntry' }); });
}
