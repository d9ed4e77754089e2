import assert from 'node:assert/strict';
import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FileStorage } from '../storage/file.ts';
import type { Storage } from '../storage/storage.ts';
import { openArchive } from './archive.ts';
import { convert } from './convert/run.ts';
import { openDataset } from './dataset.ts';
import { packDataset, type PackOptions } from './pack.ts';
import { openShard } from './shard.ts';
import { pictureName, sourceFolder, temporaryFolder } from './testing.ts';

const [COUNT, SIDE] = [40, 8];
const options: PackOptions = { patch: 4, shardRows: 8 };
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let source: Storage;
before(async () => {
  temporary = await temporaryFolder();
  source = await sourceFolder(join(temporary.folder, 'source'), { count: COUNT, side: SIDE, classes: 3 });
});
after(async () => { await temporary[Symbol.asyncDispose](); });

/** The source with some files changed. */
async function changed(name: string, change: (folder: string) => Promise<void>): Promise<Storage> {
  const folder = join(temporary.folder, name);
  await cp(join(temporary.folder, 'source'), folder, { recursive: true });
  await change(folder);
  return new FileStorage(`file://${folder}`, folder);
}

async function contents(storage: Storage): Promise<Record<string, string>> {
  const files = await storage.list('');
  return Object.fromEntries(await Promise.all(files.map(async ({ path }) => [path, Buffer.from(await storage.read(path)).toString('hex')] as const)));
}

test('every picture is in one shard, with its label and number, and the index names all', async () => {
  const to = temporary.open('whole');
  const progress: number[] = [];
  const { index, skipped } = await packDataset(source, to, { ...options, shardRows: 12, classes: ['a', 'b', 'c'], onProgress: ({ done }) => { progress.push(done); } });
  assert.deepEqual(skipped, []);
  assert.deepEqual(index, (await openDataset(to)).index);
  assert.deepEqual([index.latent, index.side, index.total, index.classes], [[48, 2, 2], 8, 40, ['a', 'b', 'c']]);
  assert.deepEqual(index.shards.map(({ rows }) => rows), [12, 12, 12, 4]);
  const ids: number[] = [], labels: number[] = [];
  for (const entry of index.shards) {
    const shard = await openShard({ storage: to, index }, entry, { hold: true, verify: true });
    ids.push(...await shard.int32('ids'));
    labels.push(...await shard.int32('labels'));
  }
  assert.deepEqual(ids, Array.from({ length: COUNT }, (_, i) => i));
  assert.deepEqual(labels, ids.map((i) => i % 3));
  assert.equal(progress.at(-1), COUNT);
  assert.deepEqual((await to.list('')).map(({ path }) => path), ['index.json', ...index.shards.map(({ file }) => file)]);
});

test('a run that was killed is gone on with: the same bytes, shards that are done are kept, a damaged one is made again', async () => {
  const whole = temporary.open('undisturbed');
  await packDataset(source, whole, options);
  const to = temporary.open('killed');
  // A process of its own dies by KILL after three shards.
  const script = `
    const { packDataset } = await import(${JSON.stringify(new URL('./pack.ts', import.meta.url).href)});
    const { FileStorage } = await import(${JSON.stringify(new URL('../storage/file.ts', import.meta.url).href)});
    const { openStorage } = await import(${JSON.stringify(new URL('../storage/open.ts', import.meta.url).href)});
    const from = ${JSON.stringify(join(temporary.folder, 'source'))};
    await packDataset(new FileStorage('file://' + from, from), openStorage('file:///killed'), { ...${JSON.stringify(options)}, onProgress: ({ done }) => { if (done > 24) process.kill(process.pid, 'SIGKILL'); } });`;
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, ...temporary.environment }, stdio: 'inherit' });
  const [, signal] = await once(killed, 'exit') as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
  assert.equal(await to.exists('index.json'), false);
  await to.write('shard-00001.safetensors', new Uint8Array(1000));
  const kept = new Set<number>();
  const { already } = await packDataset(source, to, { ...options, onProgress: (progress) => { kept.add(progress.kept); } });
  assert.equal(already, false);
  assert.equal(Math.max(...kept), 16); // two of three shards were whole
  assert.deepEqual(await contents(to), await contents(whole));
  assert.equal((await packDataset(source, to, options)).already, true);
});

test('stopped on request: what is done stays, and the same call goes on', async () => {
  const to = temporary.open('stopped');
  const stop = new AbortController();
  await assert.rejects(packDataset(source, to, { ...options, signal: stop.signal, onProgress: ({ done }) => { if (done > 12) stop.abort(); } }), { code: 'Stopped' });
  await packDataset(source, to, options);
  assert.deepEqual(await contents(to), await contents(temporary.open('undisturbed')));
});

test('broken pictures are named, skipped and counted; the rest keeps its order', async () => {
  const broken = await changed('broken', async (folder) => {
    await writeFile(join(folder, pictureName(9)), 'no picture');
    await truncate(join(folder, pictureName(11)), 60);
    await rm(join(folder, pictureName(30)));
  });
  const to = temporary.open('packed-broken');
  const told: string[] = [];
  const { index, skipped } = await packDataset(broken, to, { ...options, onSkipped: (name) => { told.push(name); } });
  assert.deepEqual(skipped.map(({ name }) => name), [9, 11, 30].map(pictureName));
  assert.deepEqual(told.sort(), [9, 11, 30].map(pictureName));
  assert.deepEqual(index.shards.map(({ rows }) => rows), [8, 6, 8, 7, 8]);
  const shard = await openShard({ storage: to, index }, index.shards[1] as (typeof index.shards)[0], { hold: true, verify: true });
  const whole = temporary.open('undisturbed');
  const { index: all } = await openDataset(whole);
  const reference = await openShard({ storage: whole, index: all }, all.shards[1] as (typeof all.shards)[0], { hold: true, verify: true });
  assert.deepEqual([...await shard.int32('ids')], [8, 10, 12, 13, 14, 15]);
  const [some, every] = [await shard.float32('latents'), await reference.float32('latents')];
  [0, 2, 4, 5, 6, 7].forEach((row, i) => { assert.deepEqual(some.subarray(i * 192, (i + 1) * 192), every.subarray(row * 192, (row + 1) * 192)); });
  await assert.rejects(packDataset(broken, temporary.open('strict'), { ...options, strict: true }), { name: 'DataError', code: 'BadPicture', message: /Cannot pack picture ".*img000000(09|11).png": .+\. Replace or remove it/ });
  assert.equal(await temporary.open('strict').exists('index.json'), false);
});

const wrong: Record<string, { change?: (folder: string) => Promise<void>; options?: Partial<PackOptions>; error: { code: string; message: RegExp } }> = {
  'no dataset.json': { change: (folder) => rm(join(folder, 'dataset.json')), error: { code: 'BadSource', message: /it has no dataset.json. Prepare pictures with .\/srdit data convert/ } },
  'a label that is text': { change: (folder) => writeFile(join(folder, 'dataset.json'), '{"labels": [["a.png", "cat"]]}'), error: { code: 'BadSource', message: /entry 0 of "labels"/ } },
  'a name twice': { change: (folder) => writeFile(join(folder, 'dataset.json'), '{"labels": [["a.png", 0], ["a.png", 1]]}'), error: { code: 'BadSource', message: /lists "a.png" twice/ } },
  'no JSON': { change: (folder) => writeFile(join(folder, 'dataset.json'), '{"labels": '), error: { code: 'BadSource', message: /it is not JSON/ } },
  'names that lead out of the folder': { change: (folder) => writeFile(join(folder, 'dataset.json'), '{"labels": [["../source/dataset.json", 0]]}'), error: { code: 'BadSource', message: /none of its 1 pictures can be read/ } },
  'patches that do not tile': { options: { patch: 3 }, error: { code: 'BadOption', message: /Give --patch a divisor of 8/ } },
  'too few names of classes': { options: { classes: ['a', 'b'] }, error: { code: 'BadSource', message: /there are 2 names, but labels go up to 2. Give 3 names/ } },
};
for (const [title, { change, options: more, error }] of Object.entries(wrong)) {
  test(`${title}: refused with a sentence, nothing written`, async () => {
    const name = title.replaceAll(' ', '-').replaceAll('.', '-');
    const from = change === undefined ? source : await changed(`source-${name}`, change);
    const to = temporary.open(`wrong-${name}`);
    await assert.rejects(packDataset(from, to, { ...options, ...more }), { name: 'DataError', ...error });
    assert.deepEqual(await to.list(''), []);
  });
}

test('another data set, packed or begun, is not overwritten', async () => {
  const to = temporary.open('undisturbed');
  const before = await contents(to);
  await assert.rejects(packDataset(source, to, { ...options, patch: 2 }), { code: 'InUse' });
  assert.deepEqual(await contents(to), before);
  const begun = temporary.open('begun');
  const stop = new AbortController();
  await assert.rejects(packDataset(source, begun, { ...options, signal: stop.signal, onProgress: () => { stop.abort(); } }), { code: 'Stopped' });
  await assert.rejects(packDataset(source, begun, { ...options, shardRows: 9 }), { code: 'InUse' });
});

test('a .zip that convert wrote is packed as its folder would be', async () => {
  const zip = join(temporary.folder, 'images.zip');
  await convert({ source: join(temporary.folder, 'source'), destination: zip, workers: 1 });
  await using archive = await openArchive(zip);
  const to = temporary.open('of-zip');
  await packDataset(archive, to, options);
  assert.deepEqual(await contents(to), await contents(temporary.open('undisturbed')));
});

test('labels that are null are one class', async () => {
  const from = await changed('unlabelled', (folder) => writeFile(join(folder, 'dataset.json'), '{"labels": null}'));
  const { index } = await packDataset(from, temporary.open('unlabelled-packed'), options);
  assert.deepEqual([index.total, index.classes], [COUNT, ['0']]);
});

const hostile: Record<string, (json: Record<string, unknown>) => unknown> = {
  'a file elsewhere': (json) => ({ ...json, shards: [{ ...(json['shards'] as object[])[0], file: '../secret' }] }),
  'more rows than bytes': (json) => ({ ...json, total: 2_000_000_000, shards: [{ ...(json['shards'] as object[])[0], rows: 2_000_000_000 }] }),
  'a total that is no sum': (json) => ({ ...json, total: 41 }),
  'latents of another shape': (json) => ({ ...json, latent: [3, 8, 8] }),
  'no number as scale': (json) => ({ ...json, tokenizer: { kind: 'pixel', patch: 4, scale: null, shift: 0 } }),
  'a future format': (json) => ({ ...json, format: 'srdit.dev/dataset/v2' }),
};
for (const [title, change] of Object.entries(hostile)) {
  test(`an index with ${title} is refused`, async () => {
    const json = JSON.parse(await readFile(join(temporary.folder, 'undisturbed', 'index.json'), 'utf8')) as Record<string, unknown>;
    const to = temporary.open('hostile');
    await to.write('index.json', new TextEncoder().encode(JSON.stringify(change(json))));
    await assert.rejects(openDataset(to), { name: 'DataError', code: 'BadIndex', message: /Cannot use the data set "file:\/\/\/hostile": index.json cannot be trusted/ });
  });
}

test('a data set that is not there is said so', async () => {
  await assert.rejects(openDataset(temporary.open('nowhere')), { code: 'NotFound', message: /Pack pictures into it with .\/srdit data pack/ });
});
