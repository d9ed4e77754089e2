import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodePng } from '../generate/png.ts';
import { FileStorage } from '../storage/file.ts';
import { openStorage } from '../storage/open.ts';
import type { Storage } from '../storage/storage.ts';
import { packDataset } from './pack.ts';

/** For tests and benchmarks: a folder of its own, removed afterwards, with storage as a loader's thread finds it, too. */
export async function temporaryFolder(): Promise<{ folder: string; environment: { SRDIT_FILE_ROOT: string }; open: (name: string) => Storage } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'srdit-data-'));
  const environment = { SRDIT_FILE_ROOT: folder };
  return { folder, environment, open: (name) => openStorage(`file:///${name}`, environment), [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export const pictureName = (i: number): string => `${String(Math.floor(i / 1000)).padStart(5, '0')}/img${String(i).padStart(8, '0')}.png`;

/** Levels of picture i, [side, side, 3]: no two are equal, and each tells its number in the first pixel. */
export const pictureOf = (i: number, side: number): Uint8Array =>
  Uint8Array.from({ length: side * side * 3 }, (_, at) => (at === 0 ? i >> 8 : at === 1 ? i & 255 : (at * 7 + i * 31 + (at * at) % 13) & 255));

/** What convert leaves: count pictures; picture i is of class i mod classes. */
export async function sourceFolder(folder: string, { count, side, classes }: { count: number; side: number; classes: number }): Promise<Storage> {
  const labels: [string, number][] = [];
  for (let i = 0; i < count; i++) {
    const path = join(folder, pictureName(i));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await encodePng(pictureOf(i, side), side, side));
    labels.push([pictureName(i), i % classes]);
  }
  await writeFile(join(folder, 'dataset.json'), JSON.stringify({ labels }));
  return new FileStorage(`file://${folder}`, folder);
}

/** 64 such pictures of 4 classes, packed as 4x4 tokens. source: an empty folder for the pictures themselves. */
export async function packedPictures(source: string, storage: Storage): Promise<void> {
  await packDataset(await sourceFolder(source, { count: 64, side: 16, classes: 4 }), storage, { patch: 4, shardRows: 32 });
}
