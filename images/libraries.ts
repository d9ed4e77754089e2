/** Shared libraries of the machine that builds (Debian 12, also in the Dockerfile), so that the image needs no distribution. */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { file, type Entry } from './tar.ts';

export interface Library { readonly path: string; readonly from: string; readonly package?: string; readonly version?: string }

/** Libraries that programs and other libraries are linked to; those that lie in one of the folders `own` are the image's own already.
 *  @throws Error for one that this machine lacks */
export function libraries(programs: readonly string[], own: readonly string[] = []): Library[] {
  const found = new Map<string, string>();
  for (const program of programs) {
    for (const line of execFileSync('ldd', [program], { encoding: 'utf8', env: { ...process.env, LD_LIBRARY_PATH: own.join(':') } }).split('\n')) {
      const match = /^\s*(?:(\S+) => )?(\/\S+|not found)/.exec(line);
      if (match === null) continue;
      const [, name, place] = match;
      if (place === 'not found') throw new Error(`Cannot put "${program}" into an image: this machine lacks its library "${name}". Install it`);
      if (place === undefined || own.some((folder) => place.startsWith(folder))) continue;
      found.set(basename(place), place);
    }
  }
  return [...found.values()].sort().map((from) => ({ path: target(from), from: realpathSync(from), ...owner(from) }));
}

/** The program that loads libraries has its path in every program; the others go where it looks. */
const target = (from: string): string => (from.includes('ld-linux') ? `lib64/${basename(from)}` : `lib/x86_64-linux-gnu/${basename(from)}`);

export const libraryEntries = (list: readonly Library[]): Entry[] => list.map(({ path, from }) => file(path, from));

/** Debian's package of a file, where this is a Debian. */
function owner(path: string): { package?: string; version?: string } {
  for (const place of [path, realpathSync(path), path.replace(/^\/lib/, '/usr/lib')]) {
    try {
      const name = execFileSync('dpkg-query', ['-S', place], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(': ')[0] ?? '';
      return { package: name.split(':')[0] ?? name, version: execFileSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }) };
    } catch { /* a usr-merged system may know it by another path */ }
  }
  return {};
}
