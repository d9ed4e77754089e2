import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const SOURCES = ['go.mod', 'go.sum', 'main.go'];

/** The compiled crdcheck, kept in the cache by the digest of its sources; or why there is none. Compiling takes minutes (the API
 *  server's validation is a large part of it). */
export function crdcheck(): { readonly binary: string } | { readonly missing: string } {
  const here = import.meta.dirname;
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(join(here, source)));
  const cache = process.env['SRDIT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'srdit');
  const folder = join(cache, 'crdcheck', hash.digest('hex').slice(0, 16));
  const binary = join(folder, 'crdcheck');
  if (existsSync(binary)) return { binary };
  if (spawnSync('go', ['version']).status !== 0) return { missing: 'Go is not installed' };
  mkdirSync(folder, { recursive: true });
  const partial = `${binary}.${process.pid}`;
  const build = spawnSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', partial, '.'], { cwd: here, encoding: 'utf8' });
  if (build.status !== 0) throw new Error(`Cannot build crdcheck: go build ended with ${build.status}. ${build.stderr}`);
  renameSync(partial, binary);
  return { binary };
}
