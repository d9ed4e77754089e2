/** A program as one file: what its entry point reaches of the project and of packages that are worth it, so that Node need not look for and link a
 *  hundred modules, and loads of such a package only what is used: srdit-operator starts in half the time. Other packages stay beside it as they are. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { buildSync } from 'esbuild';
import { workspaces, type Sources } from './sources.ts';
import { bytes } from './tar.ts';

export interface Bundle extends Sources {
  /** Packages, among `packages`, of which nothing but a licence is needed any more. */
  readonly inlined: ReadonlySet<string>;
}

/** Loads fifty languages unless only its used parts are taken. */
const INLINED: ReadonlySet<string> = new Set(['zod']);

/** Not minified: a stack trace and the names in it can be read.
 *  @param entryPoint a module of the project; the program lies in its place below `place`
 *  @throws Error of esbuild for an import of what is not there */
export function bundle(root: string, entryPoint: string, place: string): Bundle {
  const { packages: lock } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, unknown> };
  const ours = workspaces(root);
  const installed = Object.keys(lock).filter((at) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(at)).map((at) => at.slice('node_modules/'.length));
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root, entryPoints: [entryPoint], bundle: true, splitting: true, write: false, metafile: true,
    format: 'esm', platform: 'node', target: 'node24', outdir: dirname(entryPoint), tsconfigRaw: '{}', logLevel: 'silent',
    external: installed.filter((name) => !ours.has(name) && !INLINED.has(name)),
  });
  const packages = new Set<string>();
  for (const { path } of Object.values(metafile.outputs).flatMap(({ imports }) => imports)) {
    const owner = path.split('/').slice(0, path.startsWith('@') ? 2 : 1).join('/');
    if (installed.includes(owner)) packages.add(owner);
  }
  const inlined = new Set([...INLINED].filter((name) => Object.keys(metafile.inputs).some((input) => input.startsWith(`node_modules/${name}/`))));
  for (const name of inlined) packages.add(name);
  return {
    packages, inlined,
    entries: [
      ...outputFiles.map(({ path, text }) => bytes(`${place}/${relative(root, path)}`, text.replace(/^#!.*/, '#!/usr/local/bin/node'), text.startsWith('#!') ? 0o755 : 0o644)),
      bytes(`${place}/package.json`, JSON.stringify({ type: 'module' })),
    ],
  };
}
