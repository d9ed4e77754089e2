import { createHash } from 'node:crypto';
import type { Storage } from '../storage/storage.ts';
import { pictureAt, PictureError, type Pictures } from './pictures.ts';
import { decodePng, encodePng } from './png.ts';

/** Path of a picture: six digits, more where they are needed. */
export const picturePath = (index: number): string => `pictures/${String(index).padStart(6, '0')}.png`;

interface Record { readonly index: number; readonly bytes: number; readonly sha256: string }
/** What a batch leaves behind once its pictures are written: pictures without a record do not count. */
interface Batch { readonly key: string; readonly pictures: readonly Record[] }

/** Bytes of a batch's record, at most: 4096 pictures of about 100 bytes. */
const RECORD_LIMIT = 2 ** 20;

/** Pictures of one run in storage: pictures/IIIIII.png, and finished/*.json, a record of each batch with sizes and
 *  digests. A picture counts as finished if a record of this very run (same key) names it and its file has that digest. */
export class FinishedPictures {
  readonly #storage: Storage;
  readonly #key: string;

  /** settings: everything that decides what the pictures look like, as JSON. */
  constructor(storage: Storage, settings: unknown) {
    this.#storage = storage;
    this.#key = sha256(new TextEncoder().encode(JSON.stringify(settings)));
  }

  /** Indices, among those asked for, whose pictures are there whole. Reads every file. */
  async verify(wanted: (index: number) => boolean): Promise<Set<number>> {
    const sizes = new Map((await this.#storage.list('pictures')).map(({ path, bytes }) => [path, bytes]));
    const finished = new Set<number>();
    for (const { path } of await this.#storage.list('finished')) {
      for (const picture of await this.#record(path)) {
        if (!wanted(picture.index) || sizes.get(picturePath(picture.index)) !== picture.bytes) continue;
        const bytes = await this.#storage.read(picturePath(picture.index));
        if (sha256(bytes) === picture.sha256) finished.add(picture.index);
      }
    }
    return finished;
  }

  async #record(path: string): Promise<readonly Record[]> {
    try {
      const batch = JSON.parse(new TextDecoder().decode(await this.#storage.read(path, { limitBytes: RECORD_LIMIT }))) as Partial<Batch>;
      return batch.key === this.#key && Array.isArray(batch.pictures) ? batch.pictures as Record[] : [];
    } catch (error) {
      // Not JSON: no record of ours, so its pictures are drawn again.
      if (error instanceof SyntaxError) return [];
      throw error;
    }
  }

  /** Writes pictures under these indices, files first and their record last. */
  async save(indices: readonly number[], pictures: Pictures): Promise<void> {
    const records: Record[] = [];
    for (const [i, index] of indices.entries()) {
      const bytes = await encodePng(pictureAt(pictures, i), pictures.side, pictures.side);
      const written = await this.#storage.write(picturePath(index), bytes);
      records.push({ index, bytes: written.bytes, sha256: written.sha256 });
    }
    const batch: Batch = { key: this.#key, pictures: records };
    const content = new TextEncoder().encode(JSON.stringify(batch));
    await this.#storage.write(`finished/${String(indices[0]).padStart(6, '0')}-${sha256(content).slice(0, 12)}.json`, content);
  }

  /** Pictures first..first+count-1 from their files. Throws BadPicture. */
  async read(first: number, count: number, side: number): Promise<Pictures> {
    const data = new Uint8Array(count * side * side * 3);
    for (let i = 0; i < count; i++) {
      const path = picturePath(first + i);
      const { rgb, width, height } = await decodePng(await this.#storage.read(path), path);
      if (width !== side || height !== side) {
        throw new PictureError('BadPicture', `Cannot use picture "${path}": it is ${width}x${height}, the others are ${side}x${side}. Delete it to have it drawn again`);
      }
      data.set(rgb, i * side * side * 3);
    }
    return { count, side, data };
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
