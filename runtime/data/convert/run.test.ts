import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { cp, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { openPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { convert, type ConvertOptions } from './run.ts';

const fixture = fileURLToPath(new URL('../../parity/fixtures/preprocess/', import.meta.url));
const home = await mkdtemp(join(tmpdir(), 'srdit-convert-'));
after(() => rm(home, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => join(home, String(folders++));
const settings = { resolution: { width: 64, height: 64 }, transform: 'center-crop-dhariwal', workers: 2 } as const;

/** The source of convert-run.json, and its results by their names. */
const { source_tree: tree } = JSON.parse(await readFile(join(fixture, 'convert-run.json'), 'utf8')) as { source_tree: Record<string, string> };
const source = join(home, 'source');
for (const [path, origin] of Object.entries(tree)) {
  await mkdir(dirname(join(source, path)), { recursive: true });
  if (origin.startsWith('input/')) await cp(join(fixture, origin), join(source, path));
  else await writeFile(join(source, path), origin);
}
const reference = fresh();
await convert({ ...settings, source, destination: reference });

/** Every file below a folder, with its bytes. */
async function contents(folder: string): Promise<Record<string, Buffer>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(await Promise.all(files.sort().map(async (path) => [path.slice(folder.length + 1), await readFile(path)] as const)));
}

async function zipOf(path: string, entries: Readonly<Record<string, Buffer>>, compress = true): Promise<string> {
  const zip = new ZipFile();
  for (const [name, bytes] of Object.entries(entries)) zip.addBuffer(bytes, name, { compress });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

/** `count` pictures of noise, 48 by 40. */
async function noise(count: number): Promise<string> {
  const folder = fresh();
  for (const name of ['a', 'b']) await mkdir(join(folder, name), { recursive: true });
  for (let i = 0; i < count; i++) {
    const bytes = await sharp(Buffer.from(Uint8Array.from({ length: 48 * 40 * 3 }, (_, k) => (k * (i + 3) * 2654435761) >>> 24)), { raw: { width: 48, height: 40, channels: 3 } }).png({ compressionLevel: 1 }).toBuffer();
    await writeFile(join(folder, i % 2 === 0 ? 'a' : 'b', `${i}.png`), bytes);
  }
  return folder;
}

/** Runs `body` as a process of its own, for runs that are killed or measured. */
function child(options: ConvertOptions, body: string): ReturnType<typeof spawn> {
  const code = `import { convert } from ${JSON.stringify(new URL('./run.ts', import.meta.url).href)};\nconst options = ${JSON.stringify(options)};\n${body}`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('names, classes and a leftover of other files', async () => {
  const made = await contents(reference);
  assert.deepEqual(Object.keys(made), [0, 1, 2, 3, 4].map((i) => `00000/img0000000${i}.png`).concat('dataset.json'));
  assert.deepEqual(JSON.parse((made['dataset.json'] as Buffer).toString()), { labels: [0, 0, 1, 1, 2].map((label, i) => [`00000/img0000000${i}.png`, label]), classes: ['n01', 'n02', 'n10'] });
});

test('a zip as source gives the same', async () => {
  const destination = fresh();
  const zip = await zipOf(join(home, 'source.zip'), await contents(source));
  await convert({ ...settings, source: zip, destination });
  assert.deepEqual(await contents(destination), await contents(reference));
});

test('a zip as destination holds the same, stored, dataset.json last; the same pictures give the same bytes', async () => {
  const [first, second] = [`${fresh()}.zip`, `${fresh()}.zip`];
  for (const destination of [first, second]) await convert({ ...settings, source, destination });
  assert.deepEqual(await readFile(first), await readFile(second));
  const zip = await openPromise(first, { lazyEntries: true, autoClose: false });
  const found: Record<string, Buffer> = {};
  for await (const entry of zip.eachEntry()) {
    assert.equal(entry.compressionMethod, 0, 'stored');
    const pieces: Buffer[] = [];
    for await (const piece of await zip.openReadStreamPromise(entry)) pieces.push(piece as Buffer);
    found[entry.fileName] = Buffer.concat(pieces);
  }
  zip.close();
  assert.equal(Object.keys(found).at(-1), 'dataset.json');
  assert.deepEqual(found, await contents(reference));
  await assert.rejects(stat(`${first}.unfinished`), { code: 'ENOENT' });
});

test('a broken picture is named, skipped and counted, and leaves a hole', async () => {
  const broken = fresh();
  await cp(source, broken, { recursive: true });
  await writeFile(join(broken, 'n01', 'a.PNG'), 'no picture');
  const [destination, skipped] = [fresh(), [] as string[]];
  const result = await convert({ ...settings, source: broken, destination, onSkipped: (name, why) => skipped.push(`${name}: ${why}`) });
  assert.deepEqual([result.written, result.broken], [4, 1]);
  assert.match(skipped.join(), /^n01\/a\.PNG: Input buffer contains unsupported image format$/);
  const made = await contents(destination);
  assert.deepEqual(Object.keys(made), Object.keys(await contents(reference)).filter((name) => !name.endsWith('0.png')));
  assert.match((made['dataset.json'] as Buffer).toString(), /^\{"labels": \[\["00000\/img00000001.png", 0\]/);
  await assert.rejects(convert({ ...settings, source: broken, destination: fresh(), strict: true }), { name: 'ConvertError', message: /Cannot read picture "n01\/a\.PNG".*--strict/ });
});

test('pictures that no transform makes equal are refused, and the message says what to give', async () => {
  await assert.rejects(convert({ source, destination: fresh() }), { name: 'ConvertError', message: /"n01\/a\.PNG" of 50x41: it is not square\. Give --resolution/ });
  const squares = fresh();
  await mkdir(squares);
  for (const side of [16, 32]) await sharp({ create: { width: side, height: side, channels: 3, background: 'red' } }).png().toFile(join(squares, `${side}.png`));
  await assert.rejects(convert({ source: squares, destination: fresh() }), { message: /"32\.png" of 32x32: the others are 16x16/ });
  const one = await convert({ source: squares, destination: fresh(), maxImages: 1 });
  assert.deepEqual([one.written, one.side, one.labelled], [1, 16, false]);
});

test('a stopped run goes on with the missing pictures only', async () => {
  const [from, destination, stop] = [await noise(60), fresh(), new AbortController()];
  const first = await convert({ ...settings, source: from, destination, signal: stop.signal, onProgress: ({ done }) => { if (done === 20) stop.abort(); } });
  assert(first.stopped && first.written >= 20 && first.written < 60, `${first.written} written`);
  await assert.rejects(stat(join(destination, 'dataset.json')), { code: 'ENOENT' });
  await assert.rejects(convert({ ...settings, resolution: { width: 32, height: 32 }, source: from, destination }), { message: /unfinished run with other settings \(resolution was "64x64"\)/ });
  const times = async (): Promise<Map<string, number>> => new Map(await Promise.all((await readdir(join(destination, '00000'))).map(async (name) => [name, (await stat(join(destination, '00000', name))).mtimeMs] as const)));
  const before = await times();
  const second = await convert({ ...settings, source: from, destination });
  assert.deepEqual([second.kept, second.written, second.stopped], [first.written, 60 - first.written, false]);
  const now = await times();
  for (const [name, time] of before) assert.equal(now.get(name), time, name);
  const whole = fresh();
  await convert({ ...settings, source: from, destination: whole });
  assert.deepEqual(await contents(destination), await contents(whole));
  await assert.rejects(convert({ ...settings, source: from, destination }), { message: /holds a data set already/ });
});

test('a killed run goes on; half a picture is made again, and for a zip as well', async () => {
  const from = await noise(60);
  for (const destination of [fresh(), `${fresh()}.zip`]) {
    const folder = destination.endsWith('.zip') ? `${destination}.unfinished` : destination;
    const running = child({ ...settings, source: from, destination }, 'await convert({ ...options, onProgress: ({ done }) => { if (done === 20) process.kill(process.pid, "SIGKILL"); } });');
    assert.equal((await once(running, 'close'))[1], 'SIGKILL');
    await writeFile(join(folder, '00000', 'img00000003.png'), (await readFile(join(folder, '00000', 'img00000003.png'))).subarray(0, 6000));
    const result = await convert({ ...settings, source: from, destination });
    assert(result.kept >= 18 && result.kept < 60, `${result.kept} kept`);
    assert.equal(result.kept + result.written, 60);
    if (folder !== destination) continue;
    const whole = fresh();
    await convert({ ...settings, source: from, destination: whole });
    assert.deepEqual(await contents(destination), await contents(whole));
  }
});

test('when the pictures have changed, a killed run does not go on', async () => {
  const [from, destination, stop] = [await noise(20), fresh(), new AbortController()];
  await convert({ ...settings, source: from, destination, signal: stop.signal, onProgress: () => { stop.abort(); } });
  await rm(join(from, 'a', '0.png'));
  await assert.rejects(convert({ ...settings, source: from, destination }), { message: /the source had 20 pictures and they have changed/ });
});

test('destinations that hold something else are refused and left alone', async () => {
  const full = fresh();
  await mkdir(full);
  await writeFile(join(full, 'mine.txt'), 'mine');
  await assert.rejects(convert({ ...settings, source, destination: full }), { name: 'ConvertError', message: /is not empty. Name a new folder/ });
  assert.deepEqual(Object.keys(await contents(full)), ['mine.txt']);
  const zip = join(full, 'mine.zip');
  await writeFile(zip, 'mine');
  await assert.rejects(convert({ ...settings, source, destination: zip }), { message: /it exists/ });
  await assert.rejects(convert({ ...settings, source, destination: join(full, 'mine.txt') }), { message: /not a folder/ });
  await assert.rejects(convert({ ...settings, source, destination: join(source, 'out') }), { message: /lies in the source/ });
});

test('sources that are none are refused', async () => {
  await assert.rejects(convert({ ...settings, source: join(home, 'nowhere'), destination: fresh() }), { message: /it does not exist/ });
  await assert.rejects(convert({ ...settings, source: join(source, 'n02', 'readme.txt'), destination: fresh() }), { message: /neither a folder nor a \.zip/ });
  const empty = fresh();
  await mkdir(empty);
  await assert.rejects(convert({ ...settings, source: empty, destination: fresh() }), { message: /no file in it has the name of a picture/ });
});

/** A zip with other bytes in place of some that stand in it twice (local header and directory). */
async function forged(from: Buffer, to: Buffer): Promise<string> {
  const path = `${fresh()}.zip`;
  const bytes = await readFile(await zipOf(path, { 'aa/bb/x.png': await readFile(join(source, 'n02/x.png')) }));
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) to.copy(bytes, at);
  await writeFile(path, bytes);
  return path;
}

for (const name of ['../../x.png', '/a/bb/x.png', 'C:/bb/x.png']) {
  test(`a zip with the name "${name}" is refused`, async () => {
    const zip = await forged(Buffer.from('aa/bb/x.png'), Buffer.from(name));
    await assert.rejects(convert({ ...settings, source: zip, destination: fresh() }), { name: 'ConvertError', message: /Cannot read source .*(invalid relative path|absolute path)/ });
  });
}

test('a zip entry that is larger than it says, or has changed, is a broken picture', async () => {
  const picture = await readFile(join(source, 'n02/x.png'));
  const [size, small] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32LE(picture.length);
  small.writeUInt32LE(100);
  const changed = await zipOf(`${fresh()}.zip`, { 'a.png': picture }, false);
  const bytes = await readFile(changed);
  bytes[bytes.indexOf('IDAT') + 100] = 0xff ^ (bytes[bytes.indexOf('IDAT') + 100] as number);
  await writeFile(changed, bytes);
  const lying = await forged(size, small);
  assert((await readFile(lying)).indexOf(size) < 0 && (await readFile(lying)).indexOf(small) >= 0);
  for (const [zip, why] of [[lying, /not as long as the archive says|too many bytes/], [changed, /checksum is wrong/]] as const) {
    const skipped: string[] = [];
    await assert.rejects(convert({ ...settings, source: zip, destination: fresh(), onSkipped: (_, reason) => skipped.push(reason) }), { message: /none of its 1 pictures can be read/ }, String(why));
    assert.match(skipped.join(), why);
  }
});

test('a zip whose entries share their bytes is refused', async () => {
  const picture = await readFile(join(source, 'n02/x.png'));
  const path = await zipOf(`${fresh()}.zip`, { 'a.png': picture, 'b.png': picture }, false);
  const bytes = await readFile(path);
  // The directory says that both begin at the first; and the second's own bytes are cut out.
  const second = bytes.indexOf(Buffer.from('PK\x03\x04', 'latin1'), 4);
  const directory = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  const tail = bytes.subarray(directory);
  tail.writeUInt32LE(0, tail.indexOf(Buffer.from('PK\x01\x02', 'latin1'), 4) + 42);
  tail.writeUInt32LE(second, tail.indexOf(Buffer.from('PK\x05\x06', 'latin1')) + 16);
  await writeFile(path, Buffer.concat([bytes.subarray(0, second), tail]));
  await assert.rejects(convert({ ...settings, source: path, destination: fresh() }), { message: /its entries overlap/ });
});

test('memory does not grow with the number of pictures', async () => {
  const [from, destination] = [fresh(), fresh()];
  await mkdir(from);
  await writeFile(join(from, '0.jpg'), await sharp({ create: { width: 512, height: 512, channels: 3, background: 'red', noise: { type: 'gaussian', mean: 128, sigma: 30 } } }).jpeg().toBuffer());
  for (let i = 1; i < 600; i++) await link(join(from, '0.jpg'), join(from, `${i}.jpg`));
  const running = child({ ...settings, source: from, destination },
    'const at = []; await convert({ ...options, onProgress: ({ done }) => { if (done % 150 === 0) at.push(Math.round(process.memoryUsage.rss() / 2 ** 20)); } }); console.log(JSON.stringify(at));');
  let out = '';
  running.stdout?.setEncoding('utf8').on('data', (text: string) => { out += text; });
  await once(running, 'close');
  const [early, , , late] = JSON.parse(out) as [number, number, number, number];
  // 450 pictures more are 350 MB when decoded; the allocator's arenas may still fill up.
  assert(late - early < 150, `${out.trim()} MiB`);
});
