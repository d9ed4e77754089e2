import * as z from 'zod';
import { Refused, type Api } from './gcs/api.ts';
import { NoCredentials } from './gcs/credentials.ts';
import { openRange, type Opened } from './gcs/download.ts';
import { Passing } from './gcs/patience.ts';
import { Digests, partsOf } from './gcs/pieces.ts';
import { putWhole, Session } from './gcs/upload.ts';
import { checkPath, joinPath } from './path.ts';
import { StorageError, type Storage } from './storage.ts';

const Page = z.object({ items: z.array(z.object({ name: z.string(), size: z.string().regex(/^\d+$/) })).optional(), nextPageToken: z.string().optional() });
const Stat = z.object({ size: z.string().regex(/^\d+$/) });
/** Objects removed at a time. */
const REMOVERS = 16;

/** A prefix of a bucket of Cloud Storage. */
export class GcsStorage implements Storage {
  readonly uri: string;
  readonly #api: Api;
  /** Before every path: '' or a path with '/' at its end. */
  readonly #prefix: string;
  /** Whether the bucket has been seen; shared with what `at` gives. */
  readonly #bucket: { seen: boolean };

  constructor(api: Api, path: string, bucket = { seen: false }) {
    this.uri = joinPath(`gs://${api.bucket}`, path);
    this.#api = api;
    this.#prefix = path === '' ? '' : `${path}/`;
    this.#bucket = bucket;
  }

  at(path: string): GcsStorage {
    return new GcsStorage(this.#api, this.#prefix + checkPath(this.uri, path), this.#bucket);
  }

  async read(path: string, { start, end, limitBytes }: { start?: number; end?: number; limitBytes?: number } = {}): Promise<Uint8Array> {
    return this.#told('read', path, async (name) => {
      const from = start ?? 0;
      const tooShort = (size: number): never => { throw new StorageError('TooShort', `Cannot read bytes ${from} to ${end ?? size} of "${this.#name(path)}": it has ${size}. Write or download the object again`); };
      const check = (size: number): number => {
        const to = end ?? size;
        if (from < 0 || to < from || to > size) tooShort(size);
        if (limitBytes !== undefined && to - from > limitBytes) throw new StorageError('TooLarge', `Cannot read "${this.#name(path)}": ${to - from} bytes are more than the ${limitBytes} that are allowed here. Look whether it is the right object`);
        return to - from;
      };
      // A range of HTTP has at least one byte.
      if (from < 0 || (end !== undefined && end <= from)) return new Uint8Array(check(await this.#size(name)));
      let opened: Opened;
      try {
        opened = await openRange(this.#api, name, from, end);
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 416) throw error;
        return new Uint8Array(check(error.total ?? await this.#size(name)));
      }
      try {
        const buffer = new Uint8Array(check(opened.total));
        let at = 0;
        for await (const piece of opened.pieces) {
          buffer.set(piece, at);
          at += piece.byteLength;
        }
        return buffer;
      } finally {
        opened.close();
      }
    });
  }

  async *readStream(path: string): AsyncGenerator<Uint8Array> {
    const opened = await this.#told('read', path, (name) => openRange(this.#api, name, 0));
    try {
      yield* opened.pieces;
    } catch (error) {
      throw await this.#error('read', path, error);
    } finally {
      opened.close();
    }
  }

  async size(path: string): Promise<number> {
    return this.#told('read', path, (name) => this.#size(name));
  }

  async write(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> {
    const name = this.#object(path);
    const digests = new Digests();
    let session: Session | undefined;
    const parts = partsOf(data, this.#api.partBytes, digests);
    // What the source throws is its own and goes through as it is; what the store says gets a sentence.
    const stored = <T>(action: Promise<T>): Promise<T> => action.catch(async (error: unknown) => { throw await this.#error('write', path, error); });
    try {
      for await (const { at, bytes, last } of parts) {
        if (last && at === 0) await stored(putWhole(this.#api, name, bytes, digests.crc32c, false, this.#api.tries()));
        else {
          session ??= await stored(Session.begin(this.#api, name));
          await stored(session.put(bytes, at, last ? { crc32c: digests.crc32c } : undefined));
        }
      }
    } catch (error) {
      await session?.abandon();
      throw error;
    }
    return { bytes: digests.bytes, sha256: digests.sha256() };
  }

  async createIfAbsent(path: string, data: Uint8Array): Promise<boolean> {
    return this.#told('write', path, async (name) => {
      const digests = new Digests();
      digests.add(data);
      const tries = this.#api.tries();
      try {
        await putWhole(this.#api, name, data, digests.crc32c, true, tries);
        return true;
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 412) throw error;
        // The answer to our own creation may have been lost on its way, and then the second try meets what the first has made.
        return tries.doubtful && await this.#holds(path, data);
      }
    });
  }

  async exists(path: string): Promise<boolean> {
    return this.#told('read', path, async (name) => {
      try {
        await this.#size(name);
        return true;
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 404) throw error;
        await this.#needBucket();
        return false;
      }
    });
  }

  async list(prefix: string): Promise<{ path: string; bytes: number }[]> {
    return this.#told('list', prefix, () => this.#list(prefix), '');
  }

  async remove(path: string): Promise<void> {
    await this.#told('remove', path, async (name) => {
      const remove = async (object: string): Promise<void> => {
        if (await this.#api.remove(object) === 'absent') await this.#needBucket();
      };
      await remove(name);
      const below = await this.#list(path);
      await Promise.all(Array.from({ length: REMOVERS }, async () => {
        for (let next = below.pop(); next !== undefined; next = below.pop()) await remove(this.#prefix + next.path);
      }));
    });
  }

  #name(path: string): string { return joinPath(this.uri, path); }

  /** The object of a checked path. Throws StorageError BadPath. */
  #object(path: string): string {
    const name = this.#prefix + checkPath(this.uri, path);
    if (Buffer.byteLength(name) > 1024) throw new StorageError('BadPath', `Cannot use "${this.#name(path)}": the name of an object has at most 1024 bytes. Use a shorter prefix`);
    return name;
  }

  async #size(name: string): Promise<number> {
    return Number((await this.#api.json(Stat, this.#api.url(name, { fields: 'size' }), { method: 'GET', ok: [200] })).size);
  }

  async #list(prefix: string): Promise<{ path: string; bytes: number }[]> {
    const below = this.#prefix + (prefix === '' ? '' : `${checkPath(this.uri, prefix)}/`);
    const found: { path: string; bytes: number }[] = [];
    let pageToken: string | undefined;
    do {
      const page = await this.#api.json(Page, this.#api.url(undefined, { prefix: below, maxResults: '1000', pageToken, fields: 'items(name,size),nextPageToken' }), { method: 'GET', ok: [200] });
      this.#bucket.seen = true;
      for (const { name, size } of page.items ?? []) {
        const path = name.slice(this.#prefix.length);
        // Consoles mark folders by empty objects with such names; nothing of ours has one.
        if (isPath(this.uri, path)) found.push({ path, bytes: Number(size) });
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined && pageToken !== '');
    return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  }

  async #holds(path: string, data: Uint8Array): Promise<boolean> {
    try {
      return Buffer.compare(await this.read(path, { limitBytes: data.byteLength }), data) === 0;
    } catch (error) {
      if (error instanceof StorageError && (error.code === 'TooLarge' || error.code === 'NotFound')) return false;
      throw error;
    }
  }

  /** An object that is not there looks like one in a bucket that is not there. Throws Refused if it is the bucket. */
  async #needBucket(): Promise<void> {
    if (this.#bucket.seen) return;
    try {
      await this.#api.text(this.#api.url(undefined, { prefix: this.#prefix, maxResults: '1', fields: 'nextPageToken' }), { method: 'GET', ok: [200] });
    } catch (error) {
      if (error instanceof Refused && error.status === 404) throw new MissingBucket(error);
      // Who may not list cannot know; the object's own answer stands.
      if (!(error instanceof Refused) || error.status !== 403) throw error;
    }
    this.#bucket.seen = true;
  }

  async #told<T>(what: string, path: string, action: (name: string) => Promise<T>, whole?: ''): Promise<T> {
    try {
      return await action(path === whole ? this.#prefix : this.#object(path));
    } catch (error) {
      throw await this.#error(what, path, error);
    }
  }

  /** The sentence for what the store said; other errors as they are. */
  async #error(what: string, path: string, cause: unknown): Promise<unknown> {
    const bucket = this.#api.bucket;
    const start = `Cannot ${what} "${this.#name(path)}"`;
    const of = (code: StorageError['code'], rest: string): StorageError => new StorageError(code, `${start}: ${rest}`, { cause });
    if (cause instanceof NoCredentials) return of('Denied', `there are no usable Google credentials (${JSON.stringify(cause.message)}). In a cluster set spec.pod.serviceAccountName to a service account with workload identity, elsewhere run "gcloud auth application-default login"`);
    if (cause instanceof Passing) return of('Io', `${cause.message}, for ${Math.round(this.#api.patience.giveUpAfter / 1000)} s. Look whether "${this.#api.origin.origin}" can be reached from here, and try again`);
    if (cause instanceof MissingBucket) return of('NoBucket', `there is no bucket "${bucket}". Create it, or correct its name`);
    if (!(cause instanceof Refused)) return cause;
    switch (cause.status) {
      case 401: case 403:
        return of('Denied', `the bucket refuses it (${cause.message}). Give the account that runs this the role "roles/storage.objectUser" on bucket "${bucket}"`);
      case 404: {
        if (cause.vanished) return of('Io', 'it was replaced or removed while it was read. Try again');
        if (what === 'read') {
          const missing = await this.#needBucket().then(() => undefined, (error: unknown) => error);
          return missing === undefined ? of('NotFound', 'there is no such object. Look at the path and at the bucket') : this.#error(what, path, missing);
        }
        return of('NoBucket', `there is no bucket "${bucket}". Create it, or correct its name`);
      }
      default: return of('Io', `the store answered ${cause.message}. Try again`);
    }
  }
}

class MissingBucket extends Error {
  constructor(cause: Error) { super(cause.message, { cause }); }
}

function isPath(uri: string, path: string): boolean {
  try {
    checkPath(uri, path);
    return true;
  } catch {
    return false;
  }
}
