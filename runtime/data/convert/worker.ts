/** A thread that reads, decodes, shapes and writes the pictures it is sent (pool.ts). */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { decode } from './decode.ts';
import { DRAFTS, fileOf } from './destination.ts';
import type { Answer, Job, Outcome, WorkerSettings } from './job.ts';
import { messageOf, type Picture } from './picture.ts';
import { sideOfStoredPng, storedPng } from './png.ts';
import { openReader } from './source.ts';
import { isPowerOfTwo, shaped } from './transforms.ts';

const { source, folder, shaping, background } = workerData as WorkerSettings;
const port = parentPort;
if (port === null) throw new Error('worker.ts is started by pool.ts as a thread');
// The threads are enough; and no picture is seen twice.
sharp.concurrency(1);
sharp.cache(false);

const reader = await openReader(source);
const made = new Set<string>();
port.on('message', (job: Job | 'end') => {
  if (job === 'end') {
    port.close();
    reader.close();
    return;
  }
  void convert(job).catch((error: unknown): Outcome => ({ kind: 'failed', why: messageOf(error) }))
    .then((outcome) => port.postMessage({ index: job.index, outcome } satisfies Answer));
});
port.postMessage('ready');

async function convert({ index, item, side, maybeDone }: Job): Promise<Outcome> {
  const path = join(folder, fileOf(index));
  if (maybeDone) {
    const done = sideOfStoredPng(await readFile(path).catch(() => Buffer.alloc(0)));
    if (done !== undefined && (side === undefined || done === side)) return { kind: 'kept', side: done };
  }
  let picture: Picture | string;
  try {
    picture = shaped(await decode(await reader.read(item), background), shaping);
  } catch (error) {
    return { kind: 'broken', why: messageOf(error).replace(/\s+/g, ' ').trim() };
  }
  if (typeof picture === 'string') return { kind: 'left out', why: picture };
  const { width, height } = picture;
  if (width !== height || !isPowerOfTwo(width) || (side !== undefined && width !== side)) return { kind: 'wrong size', width, height };
  await write(path, join(folder, DRAFTS, String(index)), storedPng(picture));
  return { kind: 'written', side: width };
}

/** Whole or not at all; to the disk they come together at the end (destination.ts). */
async function write(path: string, draft: string, bytes: Uint8Array): Promise<void> {
  const parent = dirname(path);
  if (!made.has(parent)) {
    await mkdir(parent, { recursive: true });
    made.add(parent);
  }
  await writeFile(draft, bytes);
  await rename(draft, path);
}
