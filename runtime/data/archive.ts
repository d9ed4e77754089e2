import { resolve } from 'node:path';
import { StorageError, type Storage } from '../storage/storage.ts';
import { openSource } from './convert/source.ts';
import { LABELS } from './source.ts';

/** What can be packed: pictures and their dataset.json, in a storage or an archive. */
export type PictureStore = Pick<Storage, 'uri' | 'read' | 'list'>;

/** A .zip that convert wrote, to be packed as it is. */
export async function openArchive(path: string): Promise<PictureStore & AsyncDisposable> {
  const zip = await openSource(path);
  const items = new Map((await Array.fromAsync(zip.items())).map((item) => [item.name, item]));
  const uri = `file://${resolve(path)}`;
  return {
    uri,
    read: async (name) => {
      const item = items.get(name);
      const bytes = name === LABELS ? await zip.datasetJson() : item === undefined ? undefined : await zip.read(item);
      if (bytes === undefined) throw new StorageError('NotFound', `Cannot read "${name}" of "${uri}": there is no such entry. Make the archive again with ./srdit data convert`);
      return typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
    },
    list: async () => [...items.values()].map(({ name, place }) => ({ path: name, bytes: place?.uncompressedSize ?? 0 })),
    [Symbol.asyncDispose]: () => Promise.resolve(zip[Symbol.asyncDispose]()),
  };
}
