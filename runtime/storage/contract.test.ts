import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { backendsForTests } from './testing/backends.ts';
import type { Storage } from './storage.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const collect = async (stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> => Buffer.concat(await Array.fromAsync(stream));
/** count numbers that no compression or repetition explains, so that a part in the wrong place is seen. */
const noise = (count: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(count / 4));
  for (let i = 0, state = 1; i < words.length; i++) words[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return new Uint8Array(words.buffer, 0, count);
};
async function* inPieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(size);
  for (let at = 0; at < data.length; at += size) {
    const part = data.subarray(at, at + size);
    piece.set(part); // the same memory again and again, as a maker may do
    yield await Promise.resolve(piece.subarray(0, part.length));
  }
}

/** What every kind of storage does, whatever it lies on. */
const contract: Record<string, (storage: Storage) => Promise<void>> = {
  'an object is written, read whole and in part, and digested': async (storage) => {
    assert.deepEqual(await storage.write('x/y.txt', bytes('hello')), { bytes: 5, sha256: sha256(bytes('hello')) });
    assert.equal(text(await storage.read('x/y.txt')), 'hello');
    assert.equal(text(await storage.read('x/y.txt', { start: 1, end: 3 })), 'el');
    assert.equal(text(await storage.read('x/y.txt', { start: 3 })), 'lo');
    assert.equal(text(await storage.read('x/y.txt', { end: 2 })), 'he');
    assert.equal(await storage.size('x/y.txt'), 5);
    assert.equal(text(await collect(storage.readStream('x/y.txt'))), 'hello');
  },
  'a range with nothing in it is nothing': async (storage) => {
    await storage.write('a', bytes('0123'));
    await storage.write('empty', new Uint8Array());
    for (const range of [{ start: 2, end: 2 }, { start: 4 }, { start: 4, end: 4 }, { end: 0 }]) assert.equal((await storage.read('a', range)).length, 0);
    assert.equal((await storage.read('empty')).length, 0);
    assert.equal((await collect(storage.readStream('empty'))).length, 0);
  },
  'reading says what is too much, too little or not there': async (storage) => {
    await storage.write('a', bytes('0123456789'));
    await assert.rejects(storage.read('a', { limitBytes: 9 }), { code: 'TooLarge', message: /10 bytes are more than the 9/ });
    assert.equal((await storage.read('a', { limitBytes: 10 })).length, 10);
    assert.equal((await storage.read('a', { start: 5, end: 8, limitBytes: 3 })).length, 3);
    await assert.rejects(storage.read('a', { start: 5, end: 8, limitBytes: 2 }), { code: 'TooLarge' });
    for (const range of [{ start: 5, end: 11 }, { start: 11 }, { start: 11, end: 12 }, { start: -1 }, { start: 5, end: 4 }, { start: 20, end: 4 }]) {
      await assert.rejects(storage.read('a', range), { name: 'StorageError', code: 'TooShort', message: /it has 10/ }, JSON.stringify(range));
    }
    const message = new RegExp(`Cannot read "${storage.uri}/b": there is no such object`);
    for (const path of ['b', 'a/b', 'x/y/z']) assert.equal(await storage.exists(path), false);
    await assert.rejects(storage.read('b'), { code: 'NotFound', message });
    await assert.rejects(storage.read('b', { start: 1, end: 2 }), { code: 'NotFound', message });
    await assert.rejects(storage.size('b'), { code: 'NotFound', message });
    await assert.rejects(collect(storage.readStream('b')), { code: 'NotFound', message });
  },
  'what is written takes the place of what was there': async (storage) => {
    await storage.write('a', bytes('a long first one'));
    await storage.write('a', bytes('short'));
    assert.equal(text(await storage.read('a')), 'short');
  },
  'streams of any length come back as they went': async (storage) => {
    const part = 1 << 24;
    for (const length of [0, 1, part - 1, part, part + 1, 2 * part, 2 * part + 12_345]) {
      const data = noise(length);
      assert.deepEqual(await storage.write('s', inPieces(data, 3_000_001)), { bytes: length, sha256: sha256(data) }, `${length} bytes`);
      assert.equal(sha256(await storage.read('s')), sha256(data), `${length} bytes`);
      assert.equal(sha256(await collect(storage.readStream('s'))), sha256(data), `${length} bytes streamed`);
    }
    const whole = noise(part + 77);
    assert.deepEqual(await storage.write('w', whole), { bytes: whole.length, sha256: sha256(whole) });
    assert.equal(sha256(await storage.read('w', { start: part - 5, end: part + 70 })), sha256(whole.subarray(part - 5, part + 70)));
  },
  'a stream that fails leaves the old object, and nothing where there was none': async (storage) => {
    await storage.write('a', bytes('old'));
    for (const first of [10, (1 << 24) + 10, (1 << 25) + 10]) {
      const broken = async function* (): AsyncGenerator<Uint8Array> { yield await Promise.resolve(new Uint8Array(first)); throw new Error('the source broke'); };
      await assert.rejects(storage.write('a', broken()), /the source broke/);
      await assert.rejects(storage.write('b', broken()), /the source broke/);
    }
    assert.equal(text(await storage.read('a')), 'old');
    assert.deepEqual(await storage.list(''), [{ path: 'a', bytes: 3 }]);
  },
  'of twenty that create one object, one does': async (storage) => {
    const done = await Promise.all(Array.from({ length: 20 }, (_, i) => storage.createIfAbsent('claim', bytes(String(i)))));
    assert.equal(done.filter(Boolean).length, 1);
    assert.equal(text(await storage.read('claim')), String(done.indexOf(true)));
    assert.equal(await storage.createIfAbsent('claim', await storage.read('claim')), false, 'what was there before is not ours, whatever it holds');
    assert.deepEqual(await storage.list(''), [{ path: 'claim', bytes: (await storage.read('claim')).length }]);
  },
  'a listing goes by bytes of names, below a folder': async (storage) => {
    const paths = ['b/2', 'b/10', 'b.txt', 'a', 'bb/1', 'b/ä', 'b/z', 'b/😀', 'b/ff', 'B/1', 'b/c/d', 'b-1/x', 'b c&d=e+f'];
    for (const path of paths) await storage.write(path, bytes(path));
    const sorted = paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await storage.list(''), sorted.map((path) => ({ path, bytes: bytes(path).length })));
    assert.deepEqual((await storage.list('b')).map(({ path }) => path), sorted.filter((path) => path.startsWith('b/')));
    assert.deepEqual((await storage.list('b/c')).map(({ path }) => path), ['b/c/d']);
    assert.deepEqual(await storage.list('none'), []);
    assert.deepEqual(await storage.list('b.txt'), [], 'an object is no folder');
    for (const path of paths) assert.equal(text(await storage.read(path)), path);
  },
  'removing takes an object or all below a folder; absent is fine': async (storage) => {
    for (const path of ['b/1', 'b/c/2', 'bb', 'c', 'd']) await storage.write(path, bytes('1'));
    await storage.remove('b');
    await storage.remove('c');
    await storage.remove('none');
    assert.deepEqual((await storage.list('')).map(({ path }) => path), ['bb', 'd']);
    assert.equal(await storage.exists('b/1'), false);
  },
  'a part of it is a storage of its own': async (storage) => {
    const inner = storage.at('x').at('y');
    assert.equal(inner.uri, `${storage.uri}/x/y`);
    await inner.write('z', bytes('1'));
    await storage.write('x/yy', bytes('2'));
    assert.deepEqual(await inner.list(''), [{ path: 'z', bytes: 1 }]);
    assert.equal(text(await storage.read('x/y/z')), '1');
    await inner.remove('z');
    assert.equal(text(await storage.read('x/yy')), '2');
  },
  'paths that lead elsewhere are refused': async (storage) => {
    for (const path of ['../x', 'a/../../x', '/etc/passwd', 'a//b', '.', '', 'a\\b', 'a\0b', 'a/.', 'a\nb', '\ud800', 'x'.repeat(1025)]) {
      const name = JSON.stringify(path);
      await assert.rejects(storage.read(path), { code: 'BadPath' }, name);
      await assert.rejects(storage.write(path, bytes('x')), { code: 'BadPath' }, name);
      await assert.rejects(storage.createIfAbsent(path, bytes('x')), { code: 'BadPath' }, name);
      await assert.rejects(storage.remove(path), { code: 'BadPath' }, name);
      await assert.rejects(storage.exists(path), { code: 'BadPath' }, name);
      if (path !== '') await assert.rejects(storage.list(path), { code: 'BadPath' }, name);
      assert.throws(() => storage.at(path), { code: 'BadPath' }, name);
    }
    assert.deepEqual(await storage.list(''), []);
  },
};

for (const backend of await backendsForTests()) {
  for (const [title, check] of Object.entries(contract)) test(`${backend.name} ${title}`, { skip: backend.skip }, async () => { await check((await backend.place()).storage); });
}
