import { createHash } from 'node:crypto';
import * as z from 'zod';
import { StorageError, type Storage } from '../storage/storage.ts';
import { PixelTokenizer, pixelLatentShape } from '../tokenizer/pixel.ts';
import { DataError } from './error.ts';

export const INDEX = 'index.json';
/** An index is untrusted: it may come from anybody's bucket. 100,000 shards take 15 MB. */
const INDEX_LIMIT_BYTES = 32 << 20;

const rows = z.int().min(1).max(2 ** 31 - 1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const ShardEntry = z.strictObject({ file: z.string().regex(/^shard-\d{5}\.safetensors$/), rows, bytes: z.int().min(1), sha256 });
export type ShardEntry = z.infer<typeof ShardEntry>;

/** index.json: what the shards hold. */
export const DatasetIndex = z.strictObject({
  format: z.literal('srdit.dev/dataset/v1'),
  tokenizer: PixelTokenizer.describe('How latents become pictures'),
  latent: z.tuple([z.int().min(1).max(65_536), z.int().min(1).max(4096), z.int().min(1).max(4096)]).describe('[C, S, S] of an example'),
  classes: z.array(z.string().min(1).max(200)).min(1).max(1_000_000).describe('Names of the labels 0, 1, ...'),
  features: z.strictObject({ width: z.int().min(1).max(65_536), tokens: z.int().min(1).max(1 << 20) }).optional().describe('Z and T of the teacher features, if there are any'),
  side: z.int().min(1).max(16_384).describe('R: side of the pictures in pixels'),
  total: rows.describe('Examples in all shards'),
  shards: z.array(ShardEntry).min(1).max(100_000),
  source: sha256.optional().describe('Digest of what it was packed from: names, labels and options'),
});
export type DatasetIndex = z.infer<typeof DatasetIndex>;

/** A packed data set whose index has been checked; its shards are looked at when they are read. */
export interface Dataset {
  readonly storage: Storage;
  readonly index: DatasetIndex;
  /** sha256 of index.json: it names every shard's digest, so it stands for the whole data set. */
  readonly digest: string;
}

/** Opens the packed data set that lies in a storage. Throws DataError NotFound, BadIndex. */
export async function openDataset(storage: Storage): Promise<Dataset> {
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(INDEX, { limitBytes: INDEX_LIMIT_BYTES });
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause;
    if (cause.code === 'NotFound') throw new DataError('NotFound', `Cannot find the data set "${storage.uri}": it has no ${INDEX}. Pack pictures into it with ./srdit data pack, or correct the uri`, { cause });
    if (cause.code === 'TooLarge') throw badIndex(storage.uri, `it is longer than ${INDEX_LIMIT_BYTES} bytes`, cause);
    throw cause;
  }
  return { storage, index: parseIndex(bytes, storage.uri), digest: createHash('sha256').update(bytes).digest('hex') };
}

function parseIndex(bytes: Uint8Array, uri: string): DatasetIndex {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw badIndex(uri, 'it is not JSON', cause);
  }
  const parsed = DatasetIndex.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badIndex(uri, `its "${issue?.path.join('.') ?? ''}" is wrong (${issue?.message ?? 'unknown'})`, parsed.error);
  }
  const index = parsed.data;
  const why = contradiction(index);
  if (why !== undefined) throw badIndex(uri, why);
  return index;
}

/** What the schema cannot say. */
function contradiction({ tokenizer: { patch }, latent, side, total, shards, features }: DatasetIndex): string | undefined {
  const shape = pixelLatentShape(side, patch);
  if (shape?.join() !== latent.join()) return `pictures of side ${side} in patches of ${patch} are not latents of [${latent.join(', ')}]`;
  const sum = shards.reduce((all, shard) => all + shard.rows, 0);
  if (sum !== total) return `its shards hold ${sum} examples but total is ${total}`;
  if (new Set(shards.map(({ file }) => file)).size !== shards.length) return 'a shard is listed twice';
  // Also keeps sizes of arrays that are made later within what the files really hold.
  const perRow = 2 * latent[0] * latent[1] * latent[2] + 8 + (features === undefined ? 0 : 2 * features.width * (features.tokens + 1));
  const short = shards.find((shard) => shard.bytes < shard.rows * perRow);
  return short === undefined ? undefined : `${short.file} has ${short.bytes} bytes, too few for ${short.rows} examples of ${perRow} bytes`;
}

const badIndex = (uri: string, why: string, cause?: unknown): DataError =>
  new DataError('BadIndex', `Cannot use the data set "${uri}": ${INDEX} cannot be trusted, ${why}. Pack the data set again`, { cause });

export const encodeIndex = (index: DatasetIndex): Uint8Array => new TextEncoder().encode(`${JSON.stringify(index, undefined, 1)}\n`);
