/** Writes what the chart holds of others: the CustomResourceDefinitions and the dashboard.  node charts/generate.ts */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboard } from './dashboard.ts';

const CRDS = join(import.meta.dirname, '../crds/generated');
const FILES = join(import.meta.dirname, 'srdit/files');

/** Path -> contents of every generated file of the chart. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ...readdirSync(CRDS).filter((name) => name.endsWith('.yaml')).map((name): [string, string] => [join(FILES, 'crds', name), readFileSync(join(CRDS, name), 'utf8')]),
    [join(FILES, 'dashboard.json'), dashboard()],
  ]);
}

if (import.meta.main) for (const [path, contents] of generated()) writeFileSync(path, contents);
