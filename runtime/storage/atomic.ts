import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface Written { readonly bytes: number; readonly sha256: string }

/** Names of files that are being written; a crash may leave one, and listings pass over them. */
export const DRAFT = /^\.srdit-[0-9a-f]{16}\.draft$/;
const draftName = (): string => `.srdit-${randomBytes(8).toString('hex')}.draft`;

/** Writes a file so that readers see the old content or the new one, whole, also after a power cut: draft, fsync, rename, fsync of the folder.
 *  Missing folders are made. The content is digested on its way. */
export async function writeAtomic(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<Written> {
  return withDraft(path, data, (draft) => rename(draft, path));
}

/** The same, but a file that is there already stays and the answer is undefined. A hard link, unlike a rename, fails on an existing name. */
export async function createAtomic(path: string, data: Uint8Array): Promise<Written | undefined> {
  try {
    return await withDraft(path, data, async (draft) => {
      await link(draft, path);
      await unlink(draft);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

async function withDraft(path: string, data: Uint8Array | AsyncIterable<Uint8Array>, publish: (draft: string) => Promise<void>): Promise<Written> {
  const folder = dirname(path);
  if (basename(path) === '') throw new RangeError(`"${path}" is not the name of a file`);
  await mkdir(folder, { recursive: true });
  const draft = join(folder, draftName());
  try {
    const written = await writeDraft(draft, data);
    await publish(draft);
    await syncFolder(folder);
    return written;
  } catch (error) {
    await unlink(draft).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

async function writeDraft(draft: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<Written> {
  const file = await open(draft, 'wx');
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of data instanceof Uint8Array ? [data] : data) {
      hash.update(piece);
      for (let at = 0; at < piece.byteLength;) {
        const { bytesWritten } = await file.write(piece, at, Math.min(piece.byteLength - at, 2 ** 30));
        at += bytesWritten;
      }
      bytes += piece.byteLength;
    }
    await file.sync();
    return { bytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try { await handle.sync(); } finally { await handle.close(); }
}
