import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where everything lies that ./srdit brings or builds once. */
export const cacheFolder = (): string =>
  process.env['SRDIT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'srdit');

/** First half of the sha256 of files' contents and of other texts that decide the result. */
export function digest(files: readonly string[], ...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of [...files.map((file) => readFileSync(file)), ...texts]) hash.update(`${part.length}\n`).update(part);
  return hash.digest('hex').slice(0, 16);
}

/** The file or folder KIND/DIGEST/NAME of the cache; `make` is called for what is not there yet, with a place that is renamed when it is
 *  complete, so that a kill leaves nothing half. */
export async function cached(kind: string, key: string, name: string, make: (place: string) => Promise<void>): Promise<string> {
  const kept = join(cacheFolder(), kind, key, name);
  if (existsSync(kept)) return kept;
  mkdirSync(dirname(kept), { recursive: true });
  const place = `${kept}.${randomUUID().slice(0, 8)}.partial`;
  try {
    await make(place);
    renameSync(place, kept);
  } catch (error) {
    // Somebody else was faster: a folder cannot be renamed onto another.
    if (!existsSync(kept)) throw error;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  return kept;
}
