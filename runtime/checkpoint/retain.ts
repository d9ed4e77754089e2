import * as z from 'zod';
import type { Storage } from '../storage/storage.ts';
import { bestOf, knownCheckpoints, listCheckpoints } from './list.ts';
import { MANIFEST, type CheckpointPlace } from './paths.ts';

const HOLD_SECONDS = 24 * 3600;
const Hold = z.object({ until: z.iso.datetime() });

/** Asks retention to spare a checkpoint while somebody outside the training reads it, for a day at most. Returns how to let go.
 *  storage, path: as for readManifest. holder: a name without '/'. */
export async function holdCheckpoint(storage: Storage, path: string, holder: string, now: Date = new Date()): Promise<() => Promise<void>> {
  const file = `${path === '' ? '' : `${path}/`}holds/${encodeURIComponent(holder)}.json`;
  await storage.write(file, new TextEncoder().encode(JSON.stringify({ until: new Date(now.getTime() + HOLD_SECONDS * 1000).toISOString() })));
  return () => storage.remove(file);
}

async function isHeld(storage: Storage, path: string, files: readonly string[], now: Date): Promise<boolean> {
  for (const file of files) {
    if (!file.startsWith('holds/')) continue;
    const hold = await storage.read(`${path}/${file}`, { limitBytes: 4096 }).catch(() => undefined);
    if (hold === undefined) continue; // let go in the meantime
    let until: unknown;
    try { until = JSON.parse(new TextDecoder().decode(hold)); } catch { continue; }
    const parsed = Hold.safeParse(until);
    if (parsed.success && Date.parse(parsed.data.until) > now.getTime()) return true;
  }
  return false;
}

export interface Retention { readonly keep: number; readonly attempt: number; readonly now?: Date }

/** Removes checkpoints beyond the `keep` newest and the best, and what dead attempts left incomplete. Held ones stay, and
 *  those whose manifest this version cannot read. The manifest goes first: a removal cut short leaves an incomplete
 *  checkpoint, never a broken one. */
export async function retainCheckpoints(storage: Storage, { keep, attempt, now = new Date() }: Retention): Promise<CheckpointPlace[]> {
  const known = await knownCheckpoints(storage);
  const spared = new Set(known.slice(0, keep).map((entry) => entry.path));
  const readable = new Set(known.map((entry) => entry.path));
  const best = bestOf(known);
  if (best !== undefined) spared.add(best.path);
  const removed: CheckpointPlace[] = [];
  for (const { path, step, attempt: of, files, complete } of await listCheckpoints(storage)) {
    // An incomplete one of this attempt is being written.
    const removable = complete ? readable.has(path) && !spared.has(path) : of < attempt;
    if (!removable || await isHeld(storage, path, files, now)) continue;
    await storage.remove(`${path}/${MANIFEST}`);
    await storage.remove(path);
    removed.push({ path, step, attempt: of });
  }
  return removed;
}
