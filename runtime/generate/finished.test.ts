import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FileStorage } from '../storage/file.ts';
import { FinishedPictures, picturePath } from './finished.ts';
import { PictureError, type Pictures } from './pictures.ts';

const root = await mkdtemp(join(tmpdir(), 'srdit-pictures-'));
after(() => rm(root, { recursive: true, force: true }));
let folders = 0;
function fresh(): { folder: string; storage: FileStorage } {
  const folder = join(root, String(folders++));
  return { folder, storage: new FileStorage('file:///pictures', folder) };
}
const pictures = (count: number): Pictures => ({ count, side: 4, data: Uint8Array.from({ length: count * 48 }, (_, i) => (i * 7) % 256) });
const everything = (): boolean => true;

test('what was written is finished, and reads back', async () => {
  const { storage } = fresh();
  const finished = new FinishedPictures(storage, { seed: 1 });
  await finished.save([3, 4, 7], pictures(3));
  await finished.save([5, 6], pictures(2));
  assert.deepEqual(await finished.verify(everything), new Set([3, 4, 5, 6, 7]));
  assert.deepEqual(await finished.verify((index) => index > 4), new Set([5, 6, 7]));
  assert.deepEqual((await finished.read(3, 2, 4)).data, pictures(2).data);
  assert.equal(picturePath(3), 'pictures/000003.png');
});

test('a picture without a record, cut short, longer or changed is not finished', async () => {
  const { folder, storage } = fresh();
  const finished = new FinishedPictures(storage, { seed: 1 });
  await finished.save([0, 1, 2, 3], pictures(4));
  await truncate(join(folder, picturePath(0)), 20);
  await appendFile(join(folder, picturePath(1)), 'x');
  const other = await storage.read(picturePath(2));
  other[40] = (other[40] as number) ^ 1;
  await storage.write(picturePath(2), other);
  await storage.write(picturePath(9), await storage.read(picturePath(3)));
  assert.deepEqual(await finished.verify(everything), new Set([3]));
});

test('pictures of other settings are not finished, and records that are none are passed over', async () => {
  const { folder, storage } = fresh();
  await new FinishedPictures(storage, { seed: 1 }).save([0, 1], pictures(2));
  await writeFile(join(folder, 'finished/000009-x.json'), '{"key"');
  assert.deepEqual(await new FinishedPictures(storage, { seed: 2 }).verify(everything), new Set());
  assert.deepEqual(await new FinishedPictures(storage, { seed: 1 }).verify(everything), new Set([0, 1]));
});

test('a picture of another size is named', async () => {
  const { storage } = fresh();
  const finished = new FinishedPictures(storage, {});
  await finished.save([0], pictures(1));
  await assert.rejects(finished.read(0, 1, 8), (error: unknown) => error instanceof PictureError && /"pictures\/000000\.png": it is 4x4, the others are 8x8/.test(error.message));
});
