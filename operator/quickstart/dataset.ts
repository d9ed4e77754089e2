import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { convert } from '@srdit/runtime/data/convert/run.ts';
import { openDataset } from '@srdit/runtime/data/dataset.ts';
import { DataError } from '@srdit/runtime/data/error.ts';
import { packDataset } from '@srdit/runtime/data/pack.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import type { Storage } from '@srdit/runtime/storage/storage.ts';
import { counter, type Output } from '../cli/data/counter.ts';

/** 32x32 pixels as 4x4 tokens of 8x8 pixels: the fewer tokens, the more steps in ten minutes. */
const SIDE = 32;
const PATCH = 8;
/** Emoji are transparent around. */
const WHITE = [255, 255, 255] as const;

export interface DatasetFacts { readonly total: number; readonly classes: readonly string[]; readonly side: number; readonly patch: number; readonly there: boolean }

/** The data set that the training reads, made of pictures in folders unless it is there: what is done by
 *  `srdit data convert PICTURES WORK --resolution 32x32 --transform center-crop-dhariwal --background ffffff` and
 *  `srdit data pack WORK DATASET --patch 8`. work: folder for the converted pictures.
 *  @throws ConvertError, DataError */
export async function makeDataset(pictures: string, work: string, dataset: Storage, out: Output): Promise<DatasetFacts> {
  const there = await openDataset(dataset).catch((error: unknown) => {
    if (error instanceof DataError && error.code === 'NotFound') return undefined;
    throw error;
  });
  if (there !== undefined) return facts(there.index, true);

  // dataset.json is what convert writes last.
  if (!await exists(join(work, 'dataset.json'))) {
    await mkdir(work, { recursive: true });
    const shown = counter(out, '     convert', 'pictures');
    await convert({
      source: pictures, destination: work, resolution: { width: SIDE, height: SIDE }, transform: 'center-crop-dhariwal', background: WHITE, strict: true,
      onProgress: ({ done, total, kept }) => { shown.update(done, total, kept); },
    });
    shown.end();
  }
  const shown = counter(out, '     pack', 'pictures');
  const { index } = await packDataset(new FileStorage('file:///converted', work), dataset, { patch: PATCH, strict: true, onProgress: ({ done, kept, of }) => { shown.update(done, of, kept); } });
  shown.end();
  return facts(index, false);
}

const facts = ({ total, classes, side, tokenizer }: Awaited<ReturnType<typeof openDataset>>['index'], there: boolean): DatasetFacts =>
  ({ total, classes, side, patch: tokenizer.patch, there });

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);
