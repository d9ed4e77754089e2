/** A program as one file: what its entry point reaches of the project and of packages that are worth it, so that Node need not look for and link a
 *  hundred modules, and loads of such a package only what is used: srdit-operator starts in half the time. Other packages stay beside it as they are. */
import { dirname, relative } from 'node:path';
import { buildSync } from 'esbuild';
import { installed, packageOf, workspaces } from './packages.ts';
import { esm, module, type Sources } from './sources.ts';

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
  const ours = workspaces(root);
  const known = installed(root);
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root, entryPoints: [entryPoint], bundle: true, splitting: true, write: false, metafile: true,
    format: 'esm', platform: 'node', target: 'node24', outdir: dirname(entryPoint), tsconfigRaw: '{}', logLevel: 'silent',
    external: [...known].filter((name) => !ours.has(name) && !INLINED.has(name)),
  });
  const packages = new Set<string>();
  for (const { path } of Object.values(metafile.outputs).flatMap(({ imports }) => imports)) {
    if (known.has(packageOf(path))) packages.add(packageOf(path));
  }
  const inlined = new Set([...INLINED].filter((name) => Object.keys(metafile.inputs).some((input) => input.startsWith(`node_modules/${name}/`))));
  for (const name of inlined) packages.add(name);
  return {
    packages, inlined,
    entries: [...outputFiles.map(({ path, text }) => module(`${place}/${relative(root, path)}`, text)), esm(place)],
  };
}
