import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Resource } from '@srdit/crds';
import { InputError } from '../cli/errors.ts';
import type { Layout } from '../local/files.ts';
import { holderOf } from '../local/lock.ts';
import { keyOf } from '../local/state.ts';
import type { Teller } from './teller.ts';

/** What runs write below spec.storage.uri (docs/storage.md); anything else there is not ours to remove. */
const WRITTEN = ['owner.json', 'attempts', 'pictures', 'finished', 'grid.png', 'samples.npz', 'result.json'];

/** Removes what runs of these resources left on this machine: state, logs, and what they wrote below their storage uris. Pictures
 *  and the data set stay. @throws InputError if one runs or writes elsewhere; nothing is removed then */
export function forget(resources: readonly Resource[], places: Layout, teller: Teller): void {
  const removals = resources.map((resource) => {
    const key = keyOf(resource);
    const holder = holderOf(places.lock(key));
    if (holder !== undefined) throw new InputError(`Cannot begin anew: process ${holder.pid} runs ${key.kind} "${key.name}". Stop it with Ctrl-C first`);
    const { uri } = resource.spec.storage;
    const path = uri.startsWith('file:///') ? uri.slice('file:///'.length).replace(/\/+$/, '') : '';
    if (path === '') throw new InputError(`Cannot begin anew: ${key.kind} "${key.name}" writes to "${uri}", which is no folder of its own on this machine. Empty it yourself, or set spec.storage.uri to file:///runs/NAME`);
    const prefix = join(places.volumes, path);
    // State first: without it nothing claims that there is something to go on from.
    return { prefix, paths: [places.state(key), places.pods(key), dirname(dirname(places.log(key, 1, 0))), ...WRITTEN.map((name) => join(prefix, name))] };
  });
  for (const { prefix, paths } of removals) {
    const there = paths.filter((path) => existsSync(path));
    for (const path of there) rmSync(path, { recursive: true, force: true });
    if (there.length > 0) teller.say(`Removed what was in ${prefix}`);
    try { rmdirSync(prefix); } catch { /* not there, or something else lies in it */ }
  }
}
