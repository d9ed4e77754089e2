import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { openStorage } from './open.ts';
import type { Storage } from './storage.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const roots: string[] = [];
let root: string;
let storage: Storage;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'srdit-storage-'));
  roots.push(root);
  storage = openStorage('file:///runs/a/', { SRDIT_FILE_ROOT: root });
});
after(async () => { for (const folder of roots) await rm(folder, { recursive: true }); });

test('an object is written below the root, read whole and in part, and digested', async () => {
  assert.equal(storage.uri, 'file:///runs/a');
  const written = await storage.write('x/y.txt', bytes('hello'));
  assert.deepEqual(written, { bytes: 5, sha256: createHash('sha256').update('hello').digest('hex') });
  assert.deepEqual(await readdir(join(root, 'runs', 'a', 'x')), ['y.txt']);
  assert.equal(text(await storage.read('x/y.txt')), 'hello');
  assert.equal(text(await storage.read('x/y.txt', { start: 1, end: 3 })), 'el');
  assert.equal(await storage.size('x/y.txt'), 5);
  assert.equal(text(await storage.at('x').read('y.txt')), 'hello');
  assert.equal(storage.at('x').uri, 'file:///runs/a/x');
  let streamed = '';
  for await (const piece of storage.readStream('x/y.txt')) streamed += text(piece);
  assert.equal(streamed, 'hello');
});

test('reading is bounded and says what is missing', async () => {
  await storage.write('a', bytes('0123456789'));
  await assert.rejects(storage.read('a', { limitBytes: 9 }), { code: 'TooLarge' });
  await assert.rejects(storage.read('a', { start: 5, end: 11 }), { code: 'TooShort' });
  await assert.rejects(storage.read('b'), { code: 'NotFound', message: /Cannot read "file:\/\/\/runs\/a\/b": there is no such object/ });
  await assert.rejects(async () => { for await (const piece of storage.readStream('b')) assert.fail(text(piece)); }, { code: 'NotFound' });
});

test('a stream that fails leaves the old object and no draft', async () => {
  await storage.write('a', bytes('old'));
  await assert.rejects(storage.write('a', (async function* () { yield await Promise.resolve(bytes('new')); throw new Error('the source broke'); })()), /the source broke/);
  assert.equal(text(await storage.read('a')), 'old');
  assert.deepEqual(await readdir(join(root, 'runs', 'a')), ['a']);
});

test('of twenty that create one object, one does', async () => {
  const done = await Promise.all(Array.from({ length: 20 }, (_, i) => storage.createIfAbsent('claim', bytes(String(i)))));
  assert.equal(done.filter(Boolean).length, 1);
  assert.equal(text(await storage.read('claim')), String(done.indexOf(true)));
  assert.deepEqual(await readdir(join(root, 'runs', 'a')), ['claim']);
});

test('listing: by name, below a folder, no drafts', async () => {
  for (const path of ['b/2', 'b/10', 'b.txt', 'a', 'bb/1']) await storage.write(path, bytes(path));
  await writeFile(join(root, 'runs', 'a', 'b', '.srdit-0123456789abcdef.draft'), 'half');
  assert.deepEqual((await storage.list('')).map(({ path }) => path), ['a', 'b.txt', 'b/10', 'b/2', 'bb/1']);
  assert.deepEqual(await storage.list('b'), [{ path: 'b/10', bytes: 4 }, { path: 'b/2', bytes: 3 }]);
  assert.deepEqual(await storage.list('none'), []);
});

test('removing takes an object or a folder; absent is fine', async () => {
  await storage.write('b/1', bytes('1'));
  await storage.write('c', bytes('1'));
  await storage.remove('b');
  await storage.remove('c');
  await storage.remove('none');
  assert.deepEqual(await storage.list(''), []);
  assert.equal(await storage.exists('b/1'), false);
});

for (const path of ['../x', 'a/../../x', '/etc/passwd', 'a//b', '.', '', 'a\\b', 'a\0b', 'a/.']) {
  test(`path ${JSON.stringify(path)} is refused`, async () => {
    await assert.rejects(storage.read(path), { code: 'BadPath' });
    await assert.rejects(storage.write(path, bytes('x')), { code: 'BadPath' });
    assert.throws(() => storage.at(path), { code: 'BadPath' });
  });
}

test('links out of the storage are refused, also dangling ones; links inside are followed', async () => {
  await storage.write('inside/x', bytes('in'));
  await writeFile(join(root, 'secret'), 'out');
  await mkdir(join(root, 'elsewhere'));
  const here = join(root, 'runs', 'a');
  await symlink(join(root, 'secret'), join(here, 'link'));
  await symlink(join(root, 'elsewhere'), join(here, 'folder'));
  await symlink(join(root, 'nowhere'), join(here, 'dangling'));
  await symlink(join(here, 'inside'), join(here, 'fine'));
  await assert.rejects(storage.read('link'), { code: 'BadPath' });
  await assert.rejects(storage.write('folder/new', bytes('x')), { code: 'BadPath' });
  await assert.rejects(storage.write('dangling/new', bytes('x')), { code: 'BadPath' });
  assert.equal(text(await storage.read('fine/x')), 'in');
  assert.deepEqual(await readdir(join(root, 'elsewhere')), []);
});

for (const [uri, message] of Object.entries({
  'datasets/emoji': /does not begin with a scheme/, 'gs://bucket/x': /object stores come with the cluster/, 'http://x/y': /the scheme "http" is not known/,
  'file://host/x': /three slashes/, 'file://': /three slashes/, 'file:///a/../b': /Use a URI such as/, 'file:///a%20b': /have no meaning here/,
})) {
  test(`uri ${uri} is refused with a sentence`, () => { assert.throws(() => openStorage(uri), { name: 'StorageError', code: 'BadUri', message }); });
}
