/** Writes everything that is made from the schemas:  node crds/generate.ts
 *  or tells whether the committed files are the ones that would be written:  node crds/generate.ts --check */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { customResourceDefinition, KIND } from './crd.ts';
import { reference } from './reference.ts';
import { GROUP, KINDS } from './resource.ts';

/** Path from the repository's root -> contents. */
export function generated(): ReadonlyMap<string, string> {
  const note = '# Made from crds/schema and crds/rules by `node crds/generate.ts`; change those\n';
  return new Map([
    ...KINDS.map((kind): [string, string] => [
      `crds/generated/${GROUP}_${KIND[kind].plural}.yaml`,
      note + stringify(customResourceDefinition(kind), { lineWidth: 0, aliasDuplicateObjects: false }),
    ]),
    ['docs/resources.md', reference()],
  ]);
}

const place = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Files that are missing or differ from what would be written. */
export function outdated(): string[] {
  return [...generated()].filter(([path, contents]) => {
    try {
      return readFileSync(place(path), 'utf8') !== contents;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw error;
    }
  }).map(([path]) => path);
}

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const old = outdated();
    if (old.length > 0) {
      console.error(`Generated files are out of date: ${old.join(', ')}. Run node crds/generate.ts and commit them`);
      process.exitCode = 1;
    }
  } else for (const [path, contents] of generated()) writeFileSync(place(path), contents);
}
