import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toHalf } from '../safetensors/convert.ts';
import { bytesOf, writeSafetensors } from '../safetensors/write.ts';
import { FileStorage } from '../storage/file.ts';
import { backendsForTests } from '../storage/testing/backends.ts';
import { decodePixels } from '../tokenizer/pixel.ts';
import { encodeIndex, openDataset, type Dataset, type DatasetIndex } from './dataset.ts';
import { openLoader, type Loader, type LoaderOptions, type Taken } from './loader.ts';
import { packDataset } from './pack.ts';
import { shardTensors } from './shard.ts';
import { pictureOf, sourceFolder, temporaryFolder } from './testing.ts';

const [COUNT, SIDE, CLASSES] = [70, 8, 3];
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let dataset: Dataset;

before(async () => {
  temporary = await temporaryFolder();
  const source = await sourceFolder(join(temporary.folder, 'source'), { count: COUNT, side: SIDE, classes: CLASSES });
  await packDataset(source, temporary.open('packed'), { patch: 4, shardRows: 16 });
  dataset = await openDataset(temporary.open('packed'));
});
after(async () => { await temporary[Symbol.asyncDispose](); });

const load = (options: Partial<LoaderOptions>, from: Dataset = dataset, environment: Readonly<Record<string, string>> = temporary.environment): Promise<Loader> => openLoader(from, {
  seed: 4, rank: 0, world: 1, batch: 8, balanceLabels: false, from: { epoch: 0, position: 0 }, needs: { cls: false, features: false }, ...options,
}, environment);

async function take(options: Partial<LoaderOptions>, batches: number): Promise<Taken[]> {
  await using loader = await load(options);
  const taken: Taken[] = [];
  for (let i = 0; i < batches; i++) taken.push(await loader.next());
  return taken;
}

/** Pictures of a batch by their numbers, after every level of them has been compared. */
function numbers({ batch: { latents, labels } }: Taken): number[] {
  const size = SIDE * SIDE * 3;
  return [...labels].map((label, i) => {
    const values = decodePixels(latents.subarray(i * size, (i + 1) * size), 1, SIDE, dataset.index.tokenizer);
    const area = SIDE * SIDE;
    const rgb = Uint8Array.from({ length: size }, (_, at) => Math.round(((values[at % 3 * area + Math.floor(at / 3)] as number) + 1) * 127.5));
    const number = (rgb[0] as number) * 256 + (rgb[1] as number);
    assert.deepEqual(rgb, pictureOf(number, SIDE));
    assert.equal(label, number % CLASSES);
    return number;
  });
}

for (const backend of await backendsForTests()) {
  test(`${backend.name}: packed and loaded there, held and by rows, every picture is as it was`, { skip: backend.skip }, async () => {
    const { storage, environment } = await backend.place();
    await packDataset(new FileStorage('file:///source', join(temporary.folder, 'source')), storage, { patch: 4, shardRows: 16 });
    const there = await openDataset(storage);
    for (const holdBytes of [1 << 28, 0]) {
      await using loader = await load({ holdBytes, batch: 35 }, there, environment);
      assert.equal(new Set([...numbers(await loader.next()), ...numbers(await loader.next())]).size, COUNT);
    }
  });
}

for (const [title, holdBytes] of Object.entries({ 'held in memory': 1 << 28, 'read by rows': 0 })) {
  test(`${title}: two ranks take every picture of an epoch once, exactly as it was packed`, async () => {
    const ranks = await Promise.all([0, 1].map((rank) => take({ rank, world: 2, holdBytes }, 5)));
    const epoch = ranks.flatMap((taken) => taken.slice(0, 4).flatMap(numbers));
    assert.equal(new Set(epoch).size, 64); // 70 in rounds of 16
    for (const taken of ranks) assert.deepEqual(taken.map(({ at }) => at), [16, 32, 48, 64, 16].map((position, i) => ({ epoch: i < 4 ? 0 : 1, position })));
  });
}

test('model space has about unit variance and no mean over the data set', async () => {
  const taken = await take({ batch: 14 }, 5);
  const all = taken.flatMap(({ batch }) => [...batch.latents]);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const variance = all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length;
  // Half precision moves a level by up to 1/32 of it.
  assert.ok(Math.abs(mean) < 1e-3 && Math.abs(variance - 1) < 1e-3, `${mean} ${variance}`);
});

for (const [rank, world] of [[0, 1], [1, 2]] as const) {
  test(`rank ${rank} of ${world}: a loader that starts where another stopped hands out the same examples`, async () => {
    const whole = await take({ rank, world }, 12);
    for (const done of [1, 4, 9]) {
      const rest = await take({ rank, world, from: (whole[done - 1] as Taken).at }, 12 - done);
      assert.deepEqual(rest, whole.slice(done), `after ${done}`);
    }
  });
}

test('balanced labels: each class comes equally often', async () => {
  const labels = (await take({ balanceLabels: true }, 9)).flatMap(({ batch }) => [...batch.labels]); // one epoch: ceil(70 / 3) x 3 = 72
  assert.deepEqual([0, 1, 2].map((label) => labels.filter((one) => one === label).length), [24, 24, 24]);
});

test('a batch that is ready is not waited for, even if the program was too busy to hear of it', async () => {
  await using loader = await load({});
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; ; tries++) {
    Atomics.wait(sleeper, 0, 0, 50); // as a step that holds the program's thread
    const waited = loader.waitedSeconds;
    await loader.next();
    if (loader.waitedSeconds === waited) break;
    assert.ok(tries < 100, 'no batch was ever ready before it was asked for');
  }
});

test('teacher features and class features come with their rows', async () => {
  const rows = 6, features = { width: 5, tokens: 3 };
  const storage = temporary.open('taught');
  const values: Record<string, ArrayBufferView> = {
    latents: toHalf(Float32Array.from({ length: rows * 12 }, (_, i) => Math.floor(i / 12))), labels: new Int32Array(rows), ids: Int32Array.from({ length: rows }, (_, i) => i),
    features: toHalf(Float32Array.from({ length: rows * 15 }, (_, i) => i)), cls: toHalf(Float32Array.from({ length: rows * 5 }, (_, i) => i / 4)),
  };
  const index: DatasetIndex = {
    format: 'srdit.dev/dataset/v1', tokenizer: { kind: 'pixel', patch: 2, scale: 1, shift: 0 }, latent: [12, 1, 1], classes: ['one'], features, side: 2, total: rows,
    shards: [{ file: 'shard-00000.safetensors', rows, ...await storage.write('shard-00000.safetensors', writeSafetensors(shardTensors({ latent: [12, 1, 1], features }, rows).map((tensor) => ({ ...tensor, bytes: bytesOf(values[tensor.name] as ArrayBufferView) })))) }],
  };
  await storage.write('index.json', encodeIndex(index));
  await using loader = await load({ batch: 6, needs: { cls: true, features: true } }, await openDataset(storage));
  const { batch } = await loader.next();
  for (let i = 0; i < rows; i++) {
    const row = batch.latents[i * 12] as number;
    assert.deepEqual([...(batch.features as Float32Array).subarray(i * 15, i * 15 + 15)], Array.from({ length: 15 }, (_, j) => row * 15 + j));
    assert.deepEqual([...(batch.cls as Float32Array).subarray(i * 5, i * 5 + 5)], Array.from({ length: 5 }, (_, j) => (row * 5 + j) / 4));
  }
  await assert.rejects(load({ needs: { cls: true, features: false } }), { name: 'DataError', code: 'NoFeatures' });
});

test('a batch that no epoch fills is refused', async () => {
  await assert.rejects(load({ batch: 36, world: 2 }), { code: 'TooFewPictures', message: /Cannot fill a batch of 72: the data set ".*" has 70 pictures/ });
});

test('a shard that was changed is refused by whoever checks it', async () => {
  const path = join(temporary.folder, 'packed', 'shard-00001.safetensors');
  const whole = await readFile(path);
  try {
    const changed = Buffer.from(whole);
    changed[changed.length - 200] = (changed[changed.length - 200] as number) ^ 1;
    await writeFile(path, changed);
    await assert.rejects(load({}), { name: 'DataError', code: 'DigestMismatch', message: /shard-00001.safetensors/ });
    await assert.rejects(load({ holdBytes: 0, rank: 1, world: 2 }), { code: 'DigestMismatch' });
    await (await load({ holdBytes: 0, rank: 0, world: 2 }))[Symbol.asyncDispose](); // shard 1 is the other rank's
    await writeFile(path, whole.subarray(0, 1000));
    await assert.rejects(load({ holdBytes: 0 }), { code: 'BadShard' });
  } finally {
    await writeFile(path, whole);
  }
});
