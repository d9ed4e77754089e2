import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const HOUSES = ['crds', 'runtime', 'operator', 'bench', 'e2e', 'charts', 'images', 'examples', 'docs'];

/** Every *.test.ts of the project, sorted, relative to the root. */
export function testFiles(root: string): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== 'build') walk(path);
      else if (entry.isFile() && entry.name.endsWith('.test.ts')) found.push(path);
    }
  };
  const present = new Set(readdirSync(root));
  for (const house of HOUSES) if (present.has(house)) walk(house);
  return found.sort();
}

/** What the command line asks for. A name is wanted when it contains one of the patterns (all are, without any); slow ones
 *  (`*.slow.test.ts`) only with --all or when a pattern names them in full. */
export function wanted(names: readonly string[], { all, patterns }: { all: boolean; patterns: readonly string[] }): string[] {
  return names.filter((name) => {
    if (patterns.length > 0 && !patterns.some((pattern) => name.includes(pattern))) return false;
    return all || !name.endsWith('.slow.test.ts') || patterns.includes(name);
  });
}
