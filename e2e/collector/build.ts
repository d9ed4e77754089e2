import { join } from 'node:path';
import { cached, digest } from '../cluster/cache.ts';
import { attempt, command } from '../cluster/command.ts';

const SOURCES = ['go.mod', 'go.sum', 'main.go'].map((name) => join(import.meta.dirname, name));

/** The compiled collector, kept in the cache by the digest of its sources; or why there is none. Compiling takes minutes. */
export async function collector(): Promise<{ readonly binary: string } | { readonly missing: string }> {
  if ((await attempt('go', ['version']).catch(() => ({ code: 1 }))).code !== 0) return { missing: 'Go is not installed' };
  return {
    binary: await cached('collector', digest(SOURCES), 'collector', async (place) => {
      await command('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', place, '.'], { cwd: import.meta.dirname, env: { ...process.env, CGO_ENABLED: '0' }, seconds: 1200 });
    }),
  };
}
