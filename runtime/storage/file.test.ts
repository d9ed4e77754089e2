import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { FileStorage } from './file.ts';
import { openStorage } from './open.ts';
import type { Storage } from './storage.ts';

// What all kinds of storage do: contract.test.ts. Here: what only a folder can get wrong.

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

test('objects are files below the root, and nothing else is left there', async () => {
  assert.equal(storage.uri, 'file:///runs/a');
  await storage.write('x/y.txt', bytes('hello'));
  assert.deepEqual(await readdir(join(root, 'runs', 'a', 'x')), ['y.txt']);
  await assert.rejects(storage.write('x/y.txt', (async function* () { yield await Promise.resolve(bytes('new')); throw new Error('the source broke'); })()), /the source broke/);
  await Promise.all(Array.from({ length: 20 }, () => storage.createIfAbsent('x/claim', bytes('1'))));
  assert.deepEqual(await readdir(join(root, 'runs', 'a', 'x')), ['claim', 'y.txt']);
});

test('a draft that a crash left is in no listing', async () => {
  await storage.write('b/1', bytes('1'));
  await writeFile(join(root, 'runs', 'a', 'b', '.srdit-0123456789abcdef.draft'), 'half');
  assert.deepEqual(await storage.list(''), [{ path: 'b/1', bytes: 1 }]);
});

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

test('a place that takes no files is denied, not missing: the run then ends with its sentence', { skip: process.getuid?.() === 0 ? 'root may write anywhere' : false }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'srdit-readonly-'));
  try {
    await chmod(folder, 0o555);
    const storage = new FileStorage('file:///ro', join(folder, 'ro'));
    await assert.rejects(storage.write('a/b', new Uint8Array(1)), { code: 'Denied', message: /permission is missing\. Give the run a folder that it may write/ });
  } finally {
    await chmod(folder, 0o755);
    await rm(folder, { recursive: true });
  }
});
