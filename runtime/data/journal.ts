import { createHash } from 'node:crypto';
import * as z from 'zod';
import { StorageError, type Storage } from '../storage/storage.ts';
import { ShardEntry } from './dataset.ts';
import { DataError } from './error.ts';

const FOLDER = 'packing';
const CLAIM = `${FOLDER}/source`;
const ENTRY_LIMIT_BYTES = 64 << 20;

/** What became of a stretch of pictures. sum, squares: of the levels of those that are packed, for scale and shift. */
const Packed = z.strictObject({
  entry: ShardEntry.optional().describe('Absent if not one of the pictures could be read'),
  skipped: z.array(z.strictObject({ name: z.string(), why: z.string() })),
  sum: z.number(), squares: z.number(),
});
export type Packed = z.infer<typeof Packed>;

/** What a packing has finished, beside the shards until index.json is written: a run that was killed leaves it. */
export class Journal {
  readonly #storage: Storage;
  readonly #digest: string;

  /** digest: of pictures, labels and options. */
  constructor(storage: Storage, digest: string) {
    this.#storage = storage;
    this.#digest = digest;
  }

  /** Takes the destination for this packing. Throws InUse if an unfinished one with other pictures or options lies there. */
  async claim(): Promise<void> {
    const own = new TextEncoder().encode(this.#digest);
    if (await this.#storage.createIfAbsent(CLAIM, own)) return;
    const found = new TextDecoder().decode(await this.#storage.read(CLAIM, { limitBytes: 128 }));
    if (found !== this.#digest) {
      throw new DataError('InUse', `Cannot pack into "${this.#storage.uri}": a packing of other pictures or options was begun there. Remove the folder, give another destination, or go on with what it was begun with`);
    }
  }

  async add(number: number, packed: Packed): Promise<void> {
    await this.#storage.write(this.#path(number), new TextEncoder().encode(JSON.stringify(packed)));
  }

  /** What an earlier run finished, if its shard is still whole. */
  async verified(number: number): Promise<Packed | undefined> {
    const packed = await this.#read(number);
    if (packed?.entry === undefined) return packed;
    const hash = createHash('sha256');
    try {
      for await (const piece of this.#storage.readStream(packed.entry.file)) hash.update(piece);
    } catch (error) {
      if (error instanceof StorageError && error.code === 'NotFound') return undefined;
      throw error;
    }
    return hash.digest('hex') === packed.entry.sha256 ? packed : undefined;
  }

  async all(count: number): Promise<(Packed | undefined)[]> {
    return (await this.#storage.exists(CLAIM)) ? Promise.all(Array.from({ length: count }, (_, number) => this.#read(number))) : [];
  }

  async remove(): Promise<void> { await this.#storage.remove(FOLDER); }

  async #read(number: number): Promise<Packed | undefined> {
    try {
      const bytes = await this.#storage.read(this.#path(number), { limitBytes: ENTRY_LIMIT_BYTES });
      // An entry that is no entry is one that was never made.
      return Packed.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
    } catch (error) {
      if (error instanceof SyntaxError || (error instanceof StorageError && error.code === 'NotFound')) return undefined;
      throw error;
    }
  }

  #path(number: number): string { return `${FOLDER}/shard-${String(number).padStart(5, '0')}.json`; }
}
