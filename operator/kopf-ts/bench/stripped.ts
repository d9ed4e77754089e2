/** The package as an image has it: without types, so that no process carries the compiler that strips them (36 MB). */
import { cpSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Writes the package's modules as JavaScript into the folder. Returns the path of bench/gangs.js there. */
export function stripped(into: string): string {
  const root = dirname(import.meta.dirname);
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const target = join(into, relative(root, path));
    if (!entry.isFile() || !entry.name.endsWith('.ts') || /\.(test|d)\.ts$/.test(entry.name) || path.includes('node_modules')) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target.replace(/\.ts$/, '.js'), stripTypeScriptTypes(readFileSync(path, 'utf8')).replace(/((?:from|import\()\s*'\.[^']*)\.ts'/g, "$1.js'"));
  }
  cpSync(join(root, 'package.json'), join(into, 'package.json'));
  symlinkSync(fileURLToPath(new URL('../..', import.meta.resolve('@kubernetes/client-node'))).replace(/@kubernetes.*$/, ''), join(into, 'node_modules'));
  return join(into, 'bench/gangs.js');
}
