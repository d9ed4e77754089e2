import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSafetensors } from './read.ts';
import { bytesOf, writeSafetensors } from './write.ts';

let folder: string;
before(async () => { folder = await mkdtemp(join(tmpdir(), 'srdit-safetensors-')); });
after(async () => { await rm(folder, { recursive: true }); });

test('what is written is read again: names, shapes, values, metadata', async () => {
  const path = join(folder, 'deep', 'a.safetensors');
  const weights = new Float32Array([1.5, -2, 3, 4, 5, 6]);
  const streamed = async function* (): AsyncGenerator<Uint8Array> {
    for (const part of [[7, 8], [9]]) yield Promise.resolve(bytesOf(new Int32Array(part)));
  };
  const written = await writeSafetensors(path, [
    { name: '__proto__', dtype: 'F32', shape: [2, 3], bytes: bytesOf(weights) },
    { name: 'ünï "quoted"', dtype: 'I32', shape: [3], bytes: streamed() },
    { name: 'nothing', dtype: 'F16', shape: [0, 4], bytes: new Uint8Array() },
  ], { step: '12', note: 'a\nb' });
  const file = await readFile(path);
  assert.deepEqual(written, { bytes: file.byteLength, sha256: createHash('sha256').update(file).digest('hex') });
  assert.equal(Number(file.readBigUInt64LE(0)) % 8, 0);
  await using tensors = await openSafetensors(path);
  assert.deepEqual(tensors.names().sort(), ['__proto__', 'nothing', 'ünï "quoted"']);
  assert.deepEqual(await tensors.float32('__proto__'), weights);
  assert.deepEqual([...await tensors.int32('ünï "quoted"')], [7, 8, 9]);
  assert.deepEqual(tensors.info('nothing').shape, [0, 4]);
  assert.deepEqual([...tensors.metadata], [['step', '12'], ['note', 'a\nb']]);
});

const f32 = (name: string, elements: number): { name: string; dtype: 'F32'; shape: number[]; bytes: Uint8Array } => ({ name, dtype: 'F32', shape: [2], bytes: new Uint8Array(4 * elements) });
const wrong = {
  'two tensors of one name': [f32('a', 2), f32('a', 2)],
  'too few bytes': [f32('a', 1)],
  'too few streamed bytes': [{ ...f32('a', 2), bytes: [new Uint8Array(4)] }],
  'too many streamed bytes': [{ ...f32('a', 2), bytes: [new Uint8Array(8), new Uint8Array(8)] }],
  'the name of the metadata': [f32('__metadata__', 2)],
};
for (const [title, entries] of Object.entries(wrong)) {
  test(`${title}: refused, nothing left behind`, async () => {
    const empty = await mkdtemp(join(folder, 'wrong-'));
    await assert.rejects(writeSafetensors(join(empty, 'a.safetensors'), entries), { code: 'BadEntry' });
    assert.deepEqual(await readdir(empty), []);
  });
}
