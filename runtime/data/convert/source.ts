import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { byBytes } from './labels.ts';
import { ConvertError, messageOf } from './picture.ts';

/** What Pillow takes for a picture by its name. Of these, jpeg, png, webp, gif, tiff and avif can be read; the others are named as broken. */
const EXTENSIONS = new Set(('apng avif avifs blp bmp bufr bw cur dcx dds dib emf eps fit fits flc fli ftc ftu gbr gif grib h5 hdf icb icns ico iim im j2c j2k jfif jp2 jpc jpe '
  + 'jpeg jpf jpg jpx mpeg mpg mpo msp palm pbm pcd pcx pdf pfm pgm png pnm ppm ps psd pxr qoi ras rgb rgba sgi tga tif tiff vda vst webp wmf xbm xpm').split(' '));
const MAX_FILE_BYTES = 256 * 2 ** 20;
const MAX_DATASET_BYTES = 512 * 2 ** 20;
const LABELS = 'dataset.json';

/** A picture of the source: its path there, with "/" between folders, and for a zip where it lies. */
export interface Item { readonly name: string; readonly place?: ZipPlace }
type ZipPlace = Pick<Entry, 'relativeOffsetOfLocalHeader' | 'compressedSize' | 'uncompressedSize' | 'compressionMethod' | 'crc32'> & { readonly encrypted: boolean };

/** A folder or a zip. */
export interface Source extends AsyncDisposable {
  /** All pictures in order of their whole path's bytes. Can be gone through more than once. */
  items(): AsyncIterable<Item> | Iterable<Item>;
  datasetJson(): Promise<string | undefined>;
  /** Throws with a sentence for what is no plain file, is too large or damaged. */
  read(item: Item): Promise<Buffer>;
}

export async function openSource(path: string): Promise<Source> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new ConvertError('BadSource', `Cannot read source "${path}": ${(cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : messageOf(cause)}. Name a folder of pictures, or a .zip`, { cause });
  });
  if (found.isDirectory()) return folderSource(path);
  if (found.isFile() && path.toLowerCase().endsWith('.zip')) return zipSource(path);
  throw new ConvertError('BadSource', `Cannot read source "${path}": it is neither a folder nor a .zip. Unpack it into a folder, and name that`);
}

const isPicture = (name: string): boolean => EXTENSIONS.has(name.slice(name.lastIndexOf('.') + 1).toLowerCase());

function folderSource(root: string): Source {
  return {
    items: () => walk(root, ''),
    datasetJson: async () => {
      const found = await stat(join(root, LABELS)).catch(() => undefined);
      if (found === undefined) return undefined;
      checkDatasetSize(found.size, root);
      return readFile(join(root, LABELS), 'utf8');
    },
    read: async ({ name }) => {
      const path = join(root, name);
      const found = await stat(path);
      if (!found.isFile()) throw new Error('it is not a plain file'); // opening a pipe would wait for ever
      checkSize(found.size);
      const file = await open(path);
      try { return await file.readFile(); } finally { await file.close(); }
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Holds one folder's names at a time. With "/" behind the names of folders, this order is that of the whole paths.
 *  Links to folders are not followed, as the reference does not. */
async function* walk(root: string, under: string): AsyncGenerator<Item> {
  const entries = await readdir(join(root, under), { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  for (const name of names.sort(byBytes)) {
    const path = under + name;
    if (name.endsWith('/')) yield* walk(root, path);
    else if (isPicture(name)) yield { name: path };
  }
}

/** The list of entries stays in memory (it is not in order in the file), the pictures do not. */
async function zipSource(path: string): Promise<Source> {
  const refuse = (why: string, cause?: unknown): ConvertError =>
    new ConvertError('BadSource', `Cannot read source "${path}": ${why}. Make the archive anew, or unpack it with a tool you trust and name the folder`, { cause });
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false }).catch((cause: unknown) => { throw refuse(messageOf(cause), cause); });
  const items: Item[] = [];
  let dataset: Item | undefined;
  let packed = 0;
  try {
    for await (const entry of zip.eachEntry()) { // refuses names with "..", a drive, or a leading "/"
      packed += entry.compressedSize;
      const { fileName: name, relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod, crc32: sum } = entry;
      const item = { name, place: { relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod, crc32: sum, encrypted: entry.isEncrypted() } };
      if (name === LABELS) dataset = item;
      else if (!name.endsWith('/') && isPicture(name)) items.push(item);
    }
  } catch (cause) {
    zip.close();
    throw refuse(messageOf(cause), cause);
  }
  items.sort((a, b) => byBytes(a.name, b.name));
  const twice = items.find(({ name }, i) => name === items[i + 1]?.name)?.name;
  // A bomb lets many entries share the same packed bytes.
  if (packed > zip.fileSize || twice !== undefined) {
    zip.close();
    throw refuse(twice === undefined ? 'its entries overlap' : `it has two entries "${twice}"`);
  }
  return {
    items: () => items,
    datasetJson: async () => {
      if (dataset?.place === undefined) return undefined;
      checkDatasetSize(dataset.place.uncompressedSize, path);
      return (await readEntry(zip, dataset.place).catch((cause: unknown) => { throw refuse(`its dataset.json is damaged: ${messageOf(cause)}`, cause); })).toString('utf8');
    },
    read: async ({ place }) => {
      if (place === undefined) throw new Error('it does not lie in a zip');
      checkSize(place.uncompressedSize);
      return readEntry(zip, place);
    },
    [Symbol.asyncDispose]: async () => { zip.close(); },
  };
}

/** Opens a source again, for reading items that another thread has listed. */
export async function openReader(path: string): Promise<Pick<Source, 'read'> & { close(): void }> {
  if ((await stat(path)).isDirectory()) return { ...folderSource(path), close: () => undefined };
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  return {
    read: async ({ place }) => {
      if (place === undefined) throw new Error('it does not lie in a zip');
      checkSize(place.uncompressedSize);
      return readEntry(zip, place);
    },
    close: () => { zip.close(); },
  };
}

async function readEntry(zip: ZipFile, place: ZipPlace): Promise<Buffer> {
  const { compressedSize, uncompressedSize, compressionMethod } = place;
  if (place.encrypted) throw new Error('it is encrypted');
  if (compressionMethod !== 0 && compressionMethod !== 8) throw new Error(`it is compressed by method ${compressionMethod}, only stored and deflated entries can be read`);
  if (compressionMethod === 0 && compressedSize !== uncompressedSize) throw new Error('its sizes contradict each other');
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(place as unknown as Entry, { minimal: true }); // it looks at no more than place and size
  // Its promise twin calls another function (yauzl 3.4.0).
  const stream = await new Promise<Readable>((done, fail) => {
    zip.openReadStreamLowLevel(fileDataStart, compressedSize, 0, compressedSize, compressionMethod === 8, uncompressedSize, (error, opened) => { if (error === null) done(opened); else fail(error); });
  });
  const pieces: Buffer[] = [];
  let total = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    total += piece.length;
    if (total > uncompressedSize) break; // a bomb
    pieces.push(piece);
  }
  if (total !== uncompressedSize) throw new Error(`it is not as long as the archive says, ${uncompressedSize} bytes`);
  const bytes = Buffer.concat(pieces);
  if (crc32(bytes) !== place.crc32) throw new Error('its checksum is wrong');
  return bytes;
}

function checkSize(bytes: number): void {
  if (bytes > MAX_FILE_BYTES) throw new Error(`it has ${bytes} bytes, more than the ${MAX_FILE_BYTES} a picture may have`);
}

function checkDatasetSize(bytes: number, source: string): void {
  if (bytes > MAX_DATASET_BYTES) throw new ConvertError('BadSource', `Cannot read dataset.json of "${source}": it has ${bytes} bytes, more than ${MAX_DATASET_BYTES}. Take it away to have the folders as classes`);
}
