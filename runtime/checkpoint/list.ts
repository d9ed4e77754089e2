import type { CheckpointRef } from '@srdit/crds';
import { createHash } from 'node:crypto';
import { StorageError, type Storage } from '../storage/storage.ts';
import { bytesOf, MANIFEST_LIMIT_BYTES, parseManifest, type Manifest } from './manifest.ts';
import { CheckpointError } from './error.ts';
import { MANIFEST, newestFirst, placeOf, type CheckpointPlace } from './paths.ts';

/** Checkpoint folders below a training's prefix. complete: the manifest is there. */
export interface Listed extends CheckpointPlace { readonly complete: boolean; readonly files: readonly string[] }

/** Every checkpoint folder of every attempt, newest first; the incomplete ones too. */
export async function listCheckpoints(storage: Storage): Promise<Listed[]> {
  const found = new Map<string, { place: CheckpointPlace; files: string[] }>();
  for (const { path } of await storage.list('attempts')) {
    const place = placeOf(path);
    if (place === undefined) continue;
    const entry = found.get(place.path) ?? { place, files: [] };
    entry.files.push(place.name);
    found.set(place.path, entry);
  }
  return [...found.values()]
    .map(({ place: { attempt, step, path }, files }) => ({ attempt, step, path, files, complete: files.includes(MANIFEST) }))
    .sort(newestFirst);
}

/** A checkpoint whose manifest has been read and parsed; its files have not been looked at. */
export interface Known extends CheckpointPlace { readonly manifest: Manifest; readonly ref: CheckpointRef }

/** Reads the manifest in `path` (a folder, relative to storage). Throws CheckpointError NotFound, BadManifest. */
export async function readManifest(storage: Storage, path: string): Promise<{ manifest: Manifest; ref: CheckpointRef }> {
  const where = path === '' ? storage.uri : `${storage.uri}/${path}`;
  const file = path === '' ? MANIFEST : `${path}/${MANIFEST}`;
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(file, { limitBytes: MANIFEST_LIMIT_BYTES });
  } catch (cause) {
    if (!(cause instanceof StorageError)) throw cause;
    if (cause.code === 'NotFound') throw new CheckpointError('NotFound', `Cannot find a checkpoint in "${where}": there is no ${MANIFEST}. Name the folder that holds it`, { cause });
    if (cause.code === 'TooLarge') throw new CheckpointError('BadManifest', `Cannot read checkpoint "${where}": its ${MANIFEST} is larger than ${MANIFEST_LIMIT_BYTES} bytes. Use another checkpoint`, { cause });
    throw cause;
  }
  const manifest = parseManifest(bytes, where);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { manifest, ref: { step: manifest.step, uri: where, bytes: bytesOf(manifest), digest } };
}

/** Complete checkpoints with sound manifests, newest first. `onBad` hears of the others. */
export async function knownCheckpoints(storage: Storage, onBad: (error: CheckpointError) => void = () => undefined): Promise<Known[]> {
  const known: Known[] = [];
  for (const { complete, attempt, step, path } of await listCheckpoints(storage)) {
    if (!complete) continue;
    try {
      known.push({ attempt, step, path, ...await readManifest(storage, path) });
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      onBad(error);
    }
  }
  return known;
}

/** The one with the lowest smoothed loss; of equals the newer. Undefined if none says its loss. */
export function bestOf<Entry extends { readonly manifest: Pick<Manifest, 'lossEma'> }>(known: readonly Entry[]): Entry | undefined {
  let best: Entry | undefined;
  for (const entry of known) {
    const loss = entry.manifest.lossEma;
    if (loss !== undefined && loss < (best?.manifest.lossEma ?? Number.POSITIVE_INFINITY)) best = entry;
  }
  return best;
}
