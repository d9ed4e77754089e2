/** The operator's code as its image has it: one JavaScript program, so that no process carries the compiler that strips types. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from '../../images/bundle.ts';

/** Writes it into the folder. Returns the path of its main module there. */
export function laidOut(root: string, folder: string): string {
  const { entries, packages } = bundle(root, 'operator/controller/main.ts', 'srdit');
  const place = (path: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    return join(folder, path);
  };
  for (const entry of entries) {
    if (entry.kind === 'bytes') writeFileSync(place(entry.path), entry.bytes);
    if (entry.kind === 'link') symlinkSync(entry.target, place(entry.path));
  }
  for (const name of packages) symlinkSync(join(root, 'node_modules', name), place(`srdit/node_modules/${name}`));
  return join(folder, 'srdit/operator/controller/main.js');
}
