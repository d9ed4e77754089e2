import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { ZipFile } from 'yazl';
import * as z from 'zod';
import { writeAtomic } from '../../storage/atomic.ts';
import { ConvertError } from './picture.ts';

/** What a run is doing here, while it is not finished. */
const STATE = '.srdit-convert.json';
/** Pictures that are being written. */
export const DRAFTS = '.srdit-drafts';
const DATASET = 'dataset.json';

/** What must be equal for a run to go on where another was killed. */
const RunState = z.object({ source: z.string(), settings: z.record(z.string(), z.unknown()), pictures: z.int(), names: z.string() });
export type RunState = z.infer<typeof RunState>;

/** `i` is the place of the picture in the source: "00012/img00012345.png". */
export function fileOf(i: number): string {
  const digits = String(i).padStart(8, '0');
  return `${digits.slice(0, 5)}/img${digits}.png`;
}

/** Where pictures are collected: the folder itself, or for a zip a folder beside it. */
export const workFolder = (destination: string): string => (isZip(destination) ? `${destination}.unfinished` : destination);
export const isZip = (path: string): boolean => path.toLowerCase().endsWith('.zip');

/** Looks whether the destination is free, or holds an unfinished run like this one: then true. Writes nothing. */
export async function checkDestination(destination: string, state: RunState): Promise<boolean> {
  const refuse = (why: string, mend: string): ConvertError => new ConvertError('BadDestination', `Cannot write to "${destination}": ${why}. ${mend}`);
  if (isZip(destination) && await stat(destination).catch(() => undefined) !== undefined) throw refuse('it exists', 'Remove it, or name another');
  const folder = workFolder(destination);
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw refuse('it is not a folder', 'Name a new folder, an empty one, or a .zip');
    throw error;
  });
  if (entries.length === 0) return false;
  if (!entries.includes(STATE)) {
    throw refuse(entries.includes(DATASET) ? 'it holds a data set already' : `"${folder}" is not empty`, 'Name a new folder, an empty one, or a .zip');
  }
  const before = RunState.safeParse(parseJson(await readFile(join(folder, STATE), 'utf8')));
  const changed = before.success ? changes(before.data, state) : ['a run of another version'];
  if (changed.length > 0) throw refuse(`"${folder}" holds an unfinished run with other settings (${changed.join(', ')})`, 'Give the same command to go on with it, or remove the folder');
  return true;
}

function changes(before: RunState, now: RunState): string[] {
  const told = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
  const keys = [...new Set([...Object.keys(before.settings), ...Object.keys(now.settings)])];
  return [
    ...(before.source === now.source ? [] : [`source was "${before.source}"`]),
    ...keys.filter((key) => told(before.settings[key]) !== told(now.settings[key])).map((key) => `${key} was ${told(before.settings[key])}`),
    ...(before.source === now.source && before.names !== now.names ? [`the source had ${before.pictures} pictures and they have changed`] : []),
  ];
}

function parseJson(text: string): unknown {
  try { return JSON.parse(text); } catch { return undefined; }
}

/** Makes the folder and notes what is going on there. */
export async function beginRun(destination: string, state: RunState): Promise<void> {
  const folder = workFolder(destination);
  await mkdir(folder, { recursive: true });
  await rm(join(folder, DRAFTS), { recursive: true, force: true }); // of a run that was killed
  await mkdir(join(folder, DRAFTS));
  await writeAtomic(join(folder, STATE), Buffer.from(JSON.stringify(state)));
}

/** dataset.json is written last: where it is, the data set is whole. */
export async function finishRun(destination: string, pictures: () => Iterable<{ readonly file: string }>, dataset: () => Iterable<string>): Promise<void> {
  const folder = workFolder(destination);
  await syncFiles(folder);
  await writeAtomic(join(folder, DATASET), bytesOf(dataset()));
  if (isZip(destination)) {
    await writeAtomic(destination, zipOf(folder, pictures()));
    await rm(folder, { recursive: true });
    return;
  }
  await rm(join(folder, DRAFTS), { recursive: true, force: true });
  await unlink(join(folder, STATE));
}

/** Brings all pictures to the disk at once, which is much faster than one by one. Where the system has no such program,
 *  only a power cut in the next seconds could tell. */
async function syncFiles(folder: string): Promise<void> {
  await promisify(execFile)('sync', ['-f', folder]).catch(() => undefined);
}

/** In pieces of some size: a system call for each label would be slow. */
async function* bytesOf(pieces: Iterable<string>): AsyncGenerator<Uint8Array> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length > 2 ** 16) { yield Buffer.from(text); text = ''; }
  }
  yield Buffer.from(text);
}

/** Everything stored uncompressed and with the same time, so that the same pictures give the same bytes. */
async function* zipOf(folder: string, pictures: Iterable<{ readonly file: string }>): AsyncGenerator<Uint8Array> {
  const zip = new ZipFile();
  const options = { compress: false, mtime: new Date(2000, 0, 1), mode: 0o100644, forceDosTimestamp: true };
  const add = (file: string): void => { zip.addReadStreamLazy(file, options, (ready) => { ready(null, createReadStream(join(folder, file)).on('error', (error) => output.destroy(error))); }); };
  const output = zip.outputStream as Readable;
  for (const { file } of pictures) add(file);
  add(DATASET);
  zip.end();
  for await (const piece of output) yield piece as Buffer;
}
