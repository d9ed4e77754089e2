/** Tar archives whose bytes are a function of their contents: entries in the order of their paths, no times, owner root. */
import { once } from 'node:events';
import { createReadStream, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

/** One entry of an archive or of an image's file system. A path has no slash in front. */
export type Entry = { readonly path: string; readonly mode: number } & (
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly from: string; readonly size: number });

export const folder = (path: string, mode = 0o755): Entry => ({ kind: 'folder', path, mode });
export const link = (path: string, target: string): Entry => ({ kind: 'link', path, mode: 0o777, target });
export const bytes = (path: string, content: string | Buffer, mode = 0o644): Entry => ({ kind: 'bytes', path, mode, bytes: Buffer.from(content) });
/** A file of this machine; executable if it is here. */
export const file = (path: string, from: string): Entry => {
  const { size, mode } = lstatSync(from);
  return { kind: 'file', path, from, size, mode: (mode & 0o111) === 0 ? 0o644 : 0o755 };
};

/** Everything under a folder of this machine that `keep` keeps (by its path below the folder). */
export function tree(path: string, from: string, keep: (path: string) => boolean = () => true): Entry[] {
  const walk = (below: string): Entry[] => readdirSync(join(from, below), { withFileTypes: true }).flatMap((entry): Entry[] => {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    const [here, there] = [join(from, name), `${path}/${name}`];
    if (!keep(name)) return [];
    if (entry.isDirectory()) return walk(name);
    return [entry.isSymbolicLink() ? link(there, readlinkSync(here)) : file(there, here)];
  });
  return walk('');
}

/** Sorted, each path once (the last wins), and every folder that an entry lies in. What lies in a folder follows it at once, before "folder-2":
 *  tar sets the time of a folder when it has left it. */
export function complete(entries: readonly Entry[]): Entry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      if (!all.has(parent)) all.set(parent, folder(parent));
    }
  }
  const key = (path: string): string => path.replaceAll('/', '\0');
  return [...all.values()].sort((a, b) => (key(a.path) < key(b.path) ? -1 : 1));
}

const BLOCK = 512;
const TYPES = { bytes: '0', file: '0', link: '2', folder: '5' } as const;

/** A field of a header: octal digits, and for what they cannot tell the largest number in binary (GNU). */
function octal(value: number, width: number): string { return `${value.toString(8).padStart(width - 1, '0')}\0`; }

function header(name: string, type: string, size: number, mode: number, target: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, 'utf8');
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write(target, 157, 100, 'utf8');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** pax records for names that do not fit into 100 bytes. */
function extended(records: Readonly<Record<string, string>>): Buffer[] {
  const body = Buffer.from(Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let length = rest + String(rest).length;
    length = rest + String(length).length;
    return `${length} ${key}=${value}\n`;
  }).join(''));
  return [header('pax', 'x', body.length, 0o644, ''), body, padding(body.length)];
}

/** Writes the archive and ends the stream's part: it is not closed. */
export async function writeTar(entries: readonly Entry[], to: Writable): Promise<void> {
  const put = async (chunk: Buffer): Promise<void> => {
    if (chunk.length > 0 && !to.write(chunk)) await once(to, 'drain');
  };
  for (const entry of complete(entries)) {
    const name = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
    const target = entry.kind === 'link' ? entry.target : '';
    const size = entry.kind === 'file' ? entry.size : entry.kind === 'bytes' ? entry.bytes.length : 0;
    const long = { ...(Buffer.byteLength(name) > 100 ? { path: name } : {}), ...(Buffer.byteLength(target) > 100 ? { linkpath: target } : {}) };
    if (Object.keys(long).length > 0) for (const chunk of extended(long)) await put(chunk);
    await put(header(name, TYPES[entry.kind], size, entry.mode, target));
    if (entry.kind === 'bytes') await put(entry.bytes);
    if (entry.kind === 'file') for await (const chunk of createReadStream(entry.from, { highWaterMark: 2 ** 20 })) await put(chunk as Buffer);
    await put(padding(size));
  }
  await put(Buffer.alloc(2 * BLOCK));
}
