import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import yazl from 'yazl';
import { FileStorage } from '../storage/file.ts';
import { gather } from './measure.ts';
import { npyHeader, npyNumbers, parseNpyHeader } from './npy.ts';
import { openNpz, writeNpz } from './npz.ts';
import { readReference, writeStatistics } from './reference.ts';
import { EvaluateError } from './rows.ts';

const folder = await mkdtemp(join(tmpdir(), 'srdit-npz-'));
const storage = new FileStorage('file:///npz', folder);
after(() => rm(folder, { recursive: true, force: true }));

const pictures = { count: 70, side: 4, data: Uint8Array.from({ length: 70 * 48 }, (_, i) => (i * 31 + (i >> 5)) % 251) };
async function* pieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

test('pictures written are the pictures read, in chunks of rows', async () => {
  await writeNpz(storage, 'a.npz', [{ name: 'arr_0', type: '|u1', shape: [70, 4, 4, 3], rows: pieces(pictures.data, 1000) }]);
  using npz = await openNpz(storage, 'a.npz');
  assert.deepEqual(npz.arrays.get('arr_0')?.shape, [70, 4, 4, 3]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of npz.rows('arr_0', 32)) chunks.push(chunk);
  assert.deepEqual(chunks.map((chunk) => chunk.length), [32 * 48, 32 * 48, 6 * 48]);
  assert.deepEqual(Buffer.concat(chunks), Buffer.from(pictures.data));
});

test('the same pictures give the same file', async () => {
  const write = (path: string): Promise<{ sha256: string }> => writeNpz(storage, path, [{ name: 'arr_0', type: '|u1', shape: [70, 4, 4, 3], rows: pieces(pictures.data, 500) }]);
  assert.equal((await write('b.npz')).sha256, (await write('c.npz')).sha256);
});

test('a source that fails fails the write and leaves no file', async () => {
  const broken = async function* (): AsyncGenerator<Uint8Array> { yield new Uint8Array(48); throw new Error('the disk is gone'); };
  await assert.rejects(writeNpz(storage, 'broken.npz', [{ name: 'arr_0', type: '|u1', shape: [70, 4, 4, 3], rows: broken() }]), /the disk is gone/);
  assert.equal(await storage.exists('broken.npz'), false);
});

test('statistics come back as they were written, and stored ones win over pictures', async () => {
  const { statistics } = await gather([pictures], 2, 100);
  await writeStatistics(storage, 'stats.npz', statistics);
  const read = await readReference(storage, 'stats.npz', 2);
  assert.deepEqual(read.statistics.mean, statistics.mean);
  assert.deepEqual(read.statistics.covariance, statistics.covariance);
  assert.equal(read.points, undefined);
  const fromPictures = await readReference(storage, 'a.npz', 2);
  assert.equal(fromPictures.statistics.count, 70);
  assert.equal(fromPictures.points?.rows, 70);
  fromPictures.statistics.mean.forEach((value, k) => { assert.ok(Math.abs(value - (statistics.mean[k] as number)) < 1e-12); });
});

test('halves, singles and doubles are read', () => {
  assert.deepEqual([...npyNumbers('<f2', Uint8Array.of(0x00, 0x3c, 0x00, 0xc0))], [1, -2]);
  assert.deepEqual([...npyNumbers('<f4', new Uint8Array(Float32Array.of(0.5, -3).buffer))], [0.5, -3]);
  assert.deepEqual([...npyNumbers('<f8', new Uint8Array(Float64Array.of(0.1).buffer))], [0.1]);
});

test('a header of numpy is read: version 2, no trailing comma, other order of keys', () => {
  const text = "{'shape': (3, 2), 'fortran_order': False, 'descr': '<f8'}\n";
  const bytes = Buffer.concat([Buffer.from('\x93NUMPY\x02\x00', 'latin1'), Buffer.of(text.length, 0, 0, 0), Buffer.from(text)]);
  assert.deepEqual(parseNpyHeader(bytes, 'mu'), { type: '<f8', shape: [3, 2], offset: 12 + text.length, bytes: 48 });
  const own = npyHeader('|u1', [5]);
  assert.equal(own.length % 64, 0);
  assert.deepEqual(parseNpyHeader(own, 'x').shape, [5]);
});

/** An .npy file with this text in its header. */
function npy(text: string, body = new Uint8Array(0)): Buffer {
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), Buffer.of(text.length & 255, text.length >> 8), Buffer.from(text), body]);
}
async function zipOf(entries: Record<string, Buffer>, compress = true): Promise<Buffer> {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(entries)) zip.addBuffer(content, name, { compress });
  zip.end();
  const out: Buffer[] = [];
  for await (const piece of zip.outputStream as AsyncIterable<Buffer>) out.push(piece);
  return Buffer.concat(out);
}
const header = (descr: string, shape: string, fortran = 'False'): string => `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;
const picture = npy(header("'|u1'", '(1, 2, 2, 3)'), new Uint8Array(12));

const hostile: Record<string, { bytes: () => Promise<Buffer> | Buffer; message: RegExp }> = {
  'no zip at all': { bytes: () => Buffer.from('hello, this is no zip file at all, not even close'), message: /as \.npz/ },
  'an empty file': { bytes: () => Buffer.alloc(0), message: /as \.npz/ },
  'pickled objects': { bytes: () => zipOf({ 'arr_0.npy': npy(header("'|O'", '(3,)'), Buffer.from('cos\nsystem\n')) }), message: /type is "\|O"/ },
  'a structured type': { bytes: () => zipOf({ 'arr_0.npy': npy(header("[('a', '<f8')]", '(3,)')) }), message: /type is a structure/ },
  'big-endian numbers': { bytes: () => zipOf({ 'mu.npy': npy(header("'>f8'", '(12,)'), new Uint8Array(96)) }), message: /type is ">f8"/ },
  'column-major order': { bytes: () => zipOf({ 'sigma.npy': npy(header("'<f8'", '(2, 2)', 'True'), new Uint8Array(32)) }), message: /column by column/ },
  'a shape larger than the data': { bytes: () => zipOf({ 'arr_0.npy': npy(header("'|u1'", '(1000, 64, 64, 3)'), new Uint8Array(100)) }), message: /its shape takes/ },
  'a shape beyond all numbers': { bytes: () => zipOf({ 'arr_0.npy': npy(header("'|u1'", '(99999999, 99999999, 99999999, 3)')) }), message: /too large/ },
  'a header longer than allowed': { bytes: () => zipOf({ 'arr_0.npy': npy(`${header("'|u1'", '(1,)')}${' '.repeat(60_000)}`) }), message: /header of \d+ bytes is longer/ },
  'an entry that is no array': { bytes: () => zipOf({ 'readme.txt': Buffer.from('x') }), message: /"readme.txt", which is no array/ },
  'no array that is known': { bytes: () => zipOf({ 'labels.npy': npy(header("'<f8'", '(1,)'), new Uint8Array(8)) }), message: /neither pictures/ },
  'pictures that are not square': { bytes: () => zipOf({ 'arr_0.npy': npy(header("'|u1'", '(1, 2, 4, 3)'), new Uint8Array(24)) }), message: /Save square pictures/ },
  'statistics of other features': { bytes: () => zipOf({ 'mu.npy': npy(header("'<f8'", '(2048,)'), new Uint8Array(16384)), 'sigma.npy': npy(header("'<f8'", '(1,)'), new Uint8Array(8)) }), message: /mu has 2048 numbers/ },
  'statistics without a covariance': { bytes: () => zipOf({ 'mu.npy': npy(header("'<f8'", '(12,)'), new Uint8Array(96)) }), message: /no array "sigma"/ },
  'a file cut short': { bytes: async () => (await zipOf({ 'arr_0.npy': picture })).subarray(0, 90), message: /as \.npz/ },
  'a flipped bit': {
    bytes: async () => {
      const bytes = await zipOf({ 'arr_0.npy': picture }, false);
      const at = bytes.indexOf('NUMPY') - 1 + picture.length - 3;
      bytes[at] = (bytes[at] as number) ^ 1;
      return bytes;
    },
    message: /checksum of array "arr_0"/,
  },
};
for (const [name, { bytes, message }] of Object.entries(hostile)) {
  test(`refused: ${name}`, async () => {
    await writeFile(join(folder, 'hostile.npz'), await bytes());
    await assert.rejects(readReference(storage, 'hostile.npz', 2), (error: unknown) => {
      assert.ok(error instanceof EvaluateError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}

test('a file that is not there is named', async () => {
  await assert.rejects(readReference(storage, 'none.npz', 2), /Cannot find "file:\/\/\/npz\/none\.npz"/);
});

test('a zip of ours begins like one, and holds the numbers as they are', async () => {
  const bytes = await readFile(join(folder, 'a.npz'));
  assert.equal(bytes.subarray(0, 4).toString('latin1'), 'PK\x03\x04');
  assert.ok(bytes.includes(Buffer.from(pictures.data.subarray(0, 200))));
});
