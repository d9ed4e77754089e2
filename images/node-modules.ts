/** The npm packages of an image: those that its code imports and theirs, as package-lock.json pins them, without what no program reads. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tree, type Entry } from './tar.ts';

/** A package as package-lock.json has it. */
export interface Locked {
  /** Place in the lock: node_modules/a/node_modules/b. */
  readonly place: string;
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly integrity?: string;
}

interface LockEntry {
  readonly version?: string; readonly license?: string; readonly integrity?: string; readonly link?: boolean;
  readonly dependencies?: Record<string, string>; readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>; readonly peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

/** Packages and their dependencies that are installed; `without` are left out with whatever only they need.
 *  @throws Error for one that is needed and not installed */
export function closure(root: string, names: Iterable<string>, without: ReadonlySet<string> = new Set()): Locked[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockEntry> };
  const found = new Map<string, Locked>();
  /** As Node looks for it: beside, then further up. */
  const placeOf = (name: string, from: string): string | undefined => {
    for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
      const place = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
      if (packages[place] !== undefined && existsSync(join(root, place))) return place;
      if (base === '') return undefined;
    }
  };
  const visit = (name: string, from: string, needed: boolean): void => {
    if (without.has(name)) return;
    const place = placeOf(name, from);
    if (place === undefined) {
      if (needed) throw new Error(`Cannot put "${name}" into the image: it is not installed. Run ./srdit setup`);
      return;
    }
    const entry = packages[place] ?? {};
    if (found.has(place) || entry.link === true) return;
    found.set(place, {
      place, name, version: entry.version ?? '',
      ...(entry.license === undefined ? {} : { license: entry.license }), ...(entry.integrity === undefined ? {} : { integrity: entry.integrity }),
    });
    for (const next of Object.keys(entry.dependencies ?? {})) visit(next, place, entry.optionalDependencies?.[next] === undefined);
    for (const next of Object.keys(entry.optionalDependencies ?? {})) visit(next, place, false);
    for (const next of Object.keys(entry.peerDependencies ?? {})) visit(next, place, entry.peerDependenciesMeta?.[next]?.optional !== true);
  };
  for (const name of [...names].sort()) visit(name, '', true);
  return [...found.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** What programs do not read: typings, maps, sources of what is compiled, and at the top of a package its tests and documentation. */
const UNREAD_FILES = /\.(d\.[cm]?ts|ts|tsx|map|md|markdown|flow|cc?|h|cpp|gyp|tsbuildinfo|py|sh)$|(^|\/)(CHANGELOG|README|HISTORY)[^/]*$/i;
const UNREAD_FOLDERS = /^(docs?|tests?|__tests__|examples?|\.github|benchmarks?|man|demo|coverage|umd|esm5|fesm5)$/;

/** Files of the packages, at the same places below `to`. A license file always comes along. */
export function moduleEntries(root: string, packages: readonly Locked[], to: string, unread: (path: string) => boolean = () => false): Entry[] {
  return packages.flatMap(({ place }) => tree(`${to}/${place}`, join(root, place), (path) => {
    if (path === 'node_modules' || path.startsWith('node_modules/')) return false; // nested packages are listed on their own
    if (/(^|\/)(LICEN[CS]E|NOTICE|COPYING)/i.test(path)) return true;
    return !UNREAD_FILES.test(path) && !UNREAD_FOLDERS.test(path) && !unread(`${place}/${path}`);
  }));
}
