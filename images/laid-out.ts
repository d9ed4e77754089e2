/** A bundle as its image has it, on this machine: no process carries the compiler that strips types. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.ts';

/** Writes the program into the folder, with links to the packages beside it. Returns the path of its main module there. */
export function laidOut(root: string, entryPoint: string, folder: string): string {
  const { entries, packages, inlined } = bundle(root, entryPoint, 'srdit');
  const place = (path: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  for (const entry of entries) if (entry.kind === 'bytes') writeFileSync(place(entry.path), entry.bytes, { mode: entry.mode });
  for (const name of packages) if (!inlined.has(name)) symlinkSync(join(root, 'node_modules', name), place(`srdit/node_modules/${name}`));
  return join(folder, 'srdit', entryPoint.replace(/\.ts$/, '.js'));
}
