/** The project's own code as it stands in an image: what the entry points reach, types stripped, since plain JavaScript starts faster and needs no
 *  TypeScript. Lines stay where they are, so a stack trace fits the sources. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { installed, packageOf, workspaces } from './packages.ts';
import { bytes, link, type Entry } from './tar.ts';

export interface Sources {
  readonly entries: readonly Entry[];
  /** npm packages that the code names itself. */
  readonly packages: ReadonlySet<string>;
}

/** A string that may be the name of a module or of a file beside the code. */
const NAMES = /(['"])((?:@?[\w.-]+|\.{1,2})(?:\/[\w.@-]+)*)\1/g;
/** The name of a package where one is imported, required or resolved. */
const PACKAGE = /(?:\bfrom\s+|\bimport\s*\(?\s*|\brequire\s*\(\s*|\bresolve\s*\(\s*)['"]([@\w][\w./@-]*)['"]/g;
const javascript = (path: string): string => path.replace(/\.ts$/, '.js');

/** Node calls it experimental at every start, which is of no interest to whoever builds an image; the images' tests see whether it works. */
function strip(text: string): string {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** A module of JavaScript; one that begins with #! is a program of the image's Node. */
export const module = (path: string, text: string): Entry => bytes(path, text.replace(/^#!.*/, '#!/usr/local/bin/node'), text.startsWith('#!') ? 0o755 : 0o644);

/** Says that the JavaScript in a folder is ES modules. */
export const esm = (folder: string): Entry => bytes(`${folder}/package.json`, JSON.stringify({ type: 'module' }));

/** Follows imports, and every other string that names a file of the project (a worker thread's or a child process's module, a JSON file), from
 *  the entry points on. Paths in the image are those in the repository, below `place`.
 *  @throws Error for an import of a file that is not there */
export function sources(root: string, entryPoints: readonly string[], place: string): Sources {
  const ours = workspaces(root);
  const entries = new Map<string, Entry>();
  const packages = new Set<string>();
  const used = new Set<string>();
  const known = installed(root);

  /** File of the project that a string in a file names, if it does. */
  const fileOf = (name: string, from: string): string | undefined => {
    const owner = packageOf(name);
    const folder = ours.get(owner);
    if (folder !== undefined) {
      used.add(owner);
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { exports?: Record<string, string> };
      const below = `.${name.slice(owner.length)}`;
      return join(folder, manifest.exports?.[below] ?? below);
    }
    // "worker.ts" beside the file may be written without ./ inside new URL.
    const path = relative(root, resolve(root, dirname(from), name));
    return !path.startsWith('..') && /\.\w+$/.test(name) && existsSync(join(root, path)) && statSync(join(root, path)).isFile() ? path : undefined;
  };

  const add = (path: string): void => {
    const target = `${place}/${javascript(path)}`;
    if (entries.has(target)) return;
    if (!existsSync(join(root, path))) throw new Error(`Cannot find "${path}", which the code imports. Mend the import`);
    let text = readFileSync(join(root, path), 'utf8');
    if (!path.endsWith('.ts')) {
      entries.set(target, bytes(target, text));
      return;
    }
    text = strip(text);
    const found: string[] = [];
    const rewritten = text.replace(NAMES, (whole, quote: string, name: string) => {
      const reached = fileOf(name, path);
      if (reached === undefined) return whole;
      found.push(reached);
      return `${quote}${javascript(name)}${quote}`;
    });
    for (const [, name = ''] of text.matchAll(PACKAGE)) {
      // The pattern also finds words in comments.
      if (known.has(packageOf(name))) packages.add(packageOf(name));
    }
    entries.set(target, module(target, rewritten));
    for (const next of found) add(next);
  };
  for (const path of entryPoints) add(path);

  for (const name of used) {
    packages.delete(name);
    const folder = ours.get(name) ?? '';
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { name: string; version: string; type: string; exports?: Record<string, string> };
    const exported = Object.fromEntries(Object.entries(manifest.exports ?? {}).map(([key, value]) => [key, javascript(value)]));
    entries.set(`${place}/${folder}/package.json`, bytes(`${place}/${folder}/package.json`, JSON.stringify({ name, version: manifest.version, type: manifest.type, exports: exported })));
    // The real path counts for what lies beside a file, as in the checkout.
    const up = name.startsWith('@') ? '../..' : '..';
    entries.set(`${place}/node_modules/${name}`, link(`${place}/node_modules/${name}`, `${up}/${folder}`));
  }
  entries.set(`${place}/package.json`, esm(place));
  return { entries: [...entries.values()], packages };
}
