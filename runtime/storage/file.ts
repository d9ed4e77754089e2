import { constants, createReadStream } from 'node:fs';
import { access, lstat, open, readdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { createAtomic, DRAFT, writeAtomic, type Written } from './atomic.ts';
import { checkPath, joinPath } from './path.ts';
import { StorageError, type Storage } from './storage.ts';

/** Making folders in a read-only place fails as if they were missing: what the deepest folder that exists says instead. */
async function obstacle(file: string, error: unknown): Promise<unknown> {
  if (codeOf(error) !== 'ENOENT') return error;
  for (let at = dirname(file); ; at = dirname(at)) {
    const refusal = await access(at, constants.W_OK).then(() => undefined, (cause: unknown) => cause);
    if (refusal === undefined || at === dirname(at)) return error;
    if (codeOf(refusal) !== 'ENOENT') return refusal;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** A folder as storage. Symbolic links that lead out of the folder are refused. */
export class FileStorage implements Storage {
  readonly uri: string;
  readonly #folder: string;

  /** folder: an absolute path; it need not exist yet. */
  constructor(uri: string, folder: string) {
    this.uri = uri;
    this.#folder = folder;
  }

  at(path: string): FileStorage {
    return new FileStorage(joinPath(this.uri, checkPath(this.uri, path)), join(this.#folder, path));
  }

  async read(path: string, { start, end, limitBytes }: { start?: number; end?: number; limitBytes?: number } = {}): Promise<Uint8Array> {
    return this.#told('read', path, async (file) => {
      await using handle = await open(file);
      const size = (await handle.stat()).size;
      const from = start ?? 0;
      const to = end ?? size;
      if (from < 0 || to < from || to > size) throw new StorageError('TooShort', `Cannot read bytes ${from} to ${to} of "${this.#name(path)}": it has ${size}. Write or download the object again`);
      if (limitBytes !== undefined && to - from > limitBytes) throw new StorageError('TooLarge', `Cannot read "${this.#name(path)}": ${to - from} bytes are more than the ${limitBytes} that are allowed here. Look whether it is the right object`);
      const buffer = new Uint8Array(to - from);
      for (let at = 0; at < buffer.byteLength;) {
        const { bytesRead } = await handle.read(buffer, at, Math.min(buffer.byteLength - at, 2 ** 30), from + at);
        if (bytesRead === 0) throw new StorageError('TooShort', `Cannot read "${this.#name(path)}": it became shorter while it was read. Try again`);
        at += bytesRead;
      }
      return buffer;
    });
  }

  async *readStream(path: string): AsyncGenerator<Uint8Array> {
    const file = await this.#told('read', path, (where) => Promise.resolve(where));
    try {
      for await (const piece of createReadStream(file, { highWaterMark: 2 ** 20 })) yield piece as Buffer;
    } catch (error) {
      throw this.#error('read', path, error);
    }
  }

  async size(path: string): Promise<number> {
    return this.#told('read', path, async (file) => (await lstat(file)).size);
  }

  async write(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<Written> {
    return this.#told('write', path, (file) => writeAtomic(file, data));
  }

  async createIfAbsent(path: string, data: Uint8Array): Promise<boolean> {
    return this.#told('write', path, async (file) => (await createAtomic(file, data)) !== undefined);
  }

  async exists(path: string): Promise<boolean> {
    return this.#told('read', path, async (file) => {
      try {
        return (await lstat(file)).isFile();
      } catch (error) {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
        throw error;
      }
    });
  }

  async list(prefix: string): Promise<{ path: string; bytes: number }[]> {
    const found: { path: string; bytes: number }[] = [];
    const walk = async (path: string): Promise<void> => {
      const folder = await this.#place(path);
      const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return []; // never written, or removed meanwhile
        throw this.#error('list', path, error);
      });
      for (const entry of entries) {
        const child = joinPath(path, entry.name);
        if (entry.isDirectory()) await walk(child);
        else if (entry.isFile() && !DRAFT.test(entry.name)) {
          const bytes = await lstat(join(folder, entry.name)).then((stat) => stat.size, () => undefined);
          if (bytes !== undefined) found.push({ path: child, bytes });
        }
      }
    };
    await walk(prefix === '' ? '' : checkPath(this.uri, prefix));
    return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  }

  async remove(path: string): Promise<void> {
    await this.#told('remove', path, (file) => rm(file, { recursive: true, force: true }));
  }

  #name(path: string): string { return joinPath(this.uri, path); }

  /** The file of a checked path ('' = the folder itself). Its deepest folder that exists must really lie in this storage: a link out of it is refused. */
  async #place(path: string): Promise<string> {
    const file = join(this.#folder, path);
    const root = await realpath(this.#folder).catch(() => undefined);
    if (root === undefined || path === '') return file;
    for (let at = file; at !== this.#folder; at = dirname(at)) {
      const real = await realpath(at).catch(() => undefined);
      if (real === undefined) {
        const dangling = await lstat(at).then((stat) => stat.isSymbolicLink(), () => false);
        if (!dangling) continue;
      }
      if (real === undefined || !(real === root || real.startsWith(root === sep ? sep : root + sep))) throw new StorageError('BadPath', `Cannot use "${this.#name(path)}": a symbolic link leads out of "${this.uri}". Replace the link by what it points to`);
      return file;
    }
    return file;
  }

  async #told<T>(what: string, path: string, action: (file: string) => Promise<T>): Promise<T> {
    try {
      return await action(await this.#place(checkPath(this.uri, path)));
    } catch (error) {
      throw this.#error(what, path, what === 'write' ? await obstacle(join(this.#folder, path), error) : error);
    }
  }

  #error(what: string, path: string, cause: unknown): unknown {
    const code = codeOf(cause);
    // Errors with an errno come from the file system; all others belong to who raised them (a stream that was being written, say).
    if (!(cause instanceof Error) || (cause as NodeJS.ErrnoException).errno === undefined) return cause;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return new StorageError('NotFound', `Cannot ${what} "${this.#name(path)}": there is no such object. Look at the path and at SRDIT_FILE_ROOT`, { cause });
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      return new StorageError('Denied', `Cannot ${what} "${this.#name(path)}": ${code === 'EROFS' ? 'the volume is read-only' : 'permission is missing'}. Give the run a folder that it may ${what === 'write' || what === 'remove' ? 'write' : 'read'}`, { cause });
    }
    return new StorageError('Io', `Cannot ${what} "${this.#name(path)}": ${cause.message}. Look at the rights and the free space of the volume`, { cause });
  }
}

