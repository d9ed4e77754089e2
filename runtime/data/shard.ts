import { createHash } from 'node:crypto';
import { SafetensorsError } from '../safetensors/error.ts';
import { parseSafetensors, readHeader, type SafetensorsFile } from '../safetensors/read.ts';
import type { SafeDType } from '../safetensors/types.ts';
import { isAboutObject, type Storage } from '../storage/storage.ts';
import type { Dataset, DatasetIndex, ShardEntry } from './dataset.ts';
import { DataError } from './error.ts';

/** Tensors of a shard of so many rows: latents raw, features and cls if the data set has them. */
export function shardTensors({ latent, features }: Pick<DatasetIndex, 'latent' | 'features'>, rows: number): { name: string; dtype: SafeDType; shape: number[] }[] {
  return [
    { name: 'latents', dtype: 'F16', shape: [rows, ...latent] },
    { name: 'labels', dtype: 'I32', shape: [rows] },
    { name: 'ids', dtype: 'I32', shape: [rows] },
    ...(features === undefined ? [] : [
      { name: 'features', dtype: 'F16' as const, shape: [rows, features.tokens, features.width] },
      { name: 'cls', dtype: 'F16' as const, shape: [rows, features.width] },
    ]),
  ];
}

/** Opens a shard after its sha256 has been compared with the index, in memory (one read) or to be read by rows.
 *  verify: false where another rank does it. Throws DataError BadShard, DigestMismatch. */
export async function openShard({ storage, index }: Pick<Dataset, 'storage' | 'index'>, entry: ShardEntry, how: { readonly hold: boolean; readonly verify: boolean }): Promise<SafetensorsFile> {
  const where = `${storage.uri}/${entry.file}`;
  try {
    const file = how.hold ? await hold(storage, entry, where) : await byRows(storage, entry, where, how.verify);
    for (const { name, dtype, shape } of shardTensors(index, entry.rows)) {
      const found = file.info(name);
      const [is, wanted] = [`${found.dtype} [${found.shape.join(', ')}]`, `${dtype} [${shape.join(', ')}]`];
      if (is !== wanted) throw badShard(where, `tensor "${name}" is ${is} but the index says ${wanted}`);
    }
    return file;
  } catch (cause) {
    if (cause instanceof SafetensorsError) throw badShard(where, cause.message, cause);
    if (isAboutObject(cause)) throw badShard(where, cause.code === 'NotFound' ? 'it is missing' : `it has not the ${entry.bytes} bytes that the index says`, cause);
    throw cause;
  }
}

async function hold(storage: Storage, entry: ShardEntry, where: string): Promise<SafetensorsFile> {
  const bytes = await storage.read(entry.file, { limitBytes: entry.bytes });
  compare(createHash('sha256').update(bytes).digest('hex'), entry, where);
  return parseSafetensors(bytes, where);
}

async function byRows(storage: Storage, entry: ShardEntry, where: string, verify: boolean): Promise<SafetensorsFile> {
  const size = await storage.size(entry.file);
  if (size !== entry.bytes) throw badShard(where, `it has ${size} bytes but the index says ${entry.bytes}`);
  if (verify) {
    const hash = createHash('sha256');
    for await (const piece of storage.readStream(entry.file)) hash.update(piece);
    compare(hash.digest('hex'), entry, where);
  }
  return readHeader(where, size, (start, end) => storage.read(entry.file, { start, end }));
}

function compare(sha256: string, entry: ShardEntry, where: string): void {
  if (sha256 !== entry.sha256) throw new DataError('DigestMismatch', `Cannot use "${where}": its sha256 is not the one in index.json, so it was damaged or changed. Pack the data set again, or copy it once more`);
}

const badShard = (where: string, why: string, cause?: unknown): DataError => new DataError('BadShard', `Cannot use "${where}": ${why}. Pack the data set again, or copy it once more`, { cause });
