import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readIfThere } from './files.ts';
import { makeFolder } from './folder.ts';
import { isRunning, processId, type ProcessId } from './process-id.ts';

/** Whoever holds the lock, if that process still lives. */
export function holderOf(path: string): ProcessId | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const holder = JSON.parse(text) as ProcessId;
    return isRunning(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Takes the lock for this process until it is disposed of, or returns who holds it. A holder that died does not. */
export function lock(path: string): Disposable | ProcessId {
  makeFolder(dirname(path));
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(processId(process.pid)));
  try {
    for (;;) {
      try {
        // link, not write: the lock is never seen half-written, and only one of two gets it.
        linkSync(mine, path);
        return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = holderOf(path);
      if (holder !== undefined) return holder;
      discard(path);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Removes a dead holder's lock, but not one that somebody took since we looked. */
function discard(path: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const taken = JSON.parse(readFileSync(aside, 'utf8') || '{"pid":0}') as ProcessId;
  if (taken.pid > 0 && isRunning(taken)) {
    try { linkSync(aside, path); } catch { /* a third one has it now, and will find the second alive */ }
  }
  rmSync(aside, { force: true });
}
