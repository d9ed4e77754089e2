import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Resource } from '@srdit/crds';
import { InputError } from '../cli/errors.ts';
import type { Layout } from '../local/files.ts';
import { holderOf } from '../local/lock.ts';
import { keyOf } from '../local/state.ts';
import type { Teller } from './teller.ts';

/** Removes what runs of these resources left on this machine: state, logs and what lies under their storage uris; pictures and
 *  the data set stay. @throws InputError if one runs or writes elsewhere */
export async function forget(resources: readonly Resource[], places: Layout, teller: Teller): Promise<void> {
  const folders: string[] = [];
  for (const resource of resources) {
    const key = keyOf(resource);
    const holder = holderOf(places.lock(key));
    if (holder !== undefined) throw new InputError(`Cannot begin anew: process ${holder.pid} runs ${key.kind} "${key.name}". Stop it with Ctrl-C first`);
    const { uri } = resource.spec.storage;
    const path = uri.startsWith('file:///') ? uri.slice('file:///'.length).replace(/\/+$/, '') : '';
    if (path === '') throw new InputError(`Cannot begin anew: ${key.kind} "${key.name}" writes to "${uri}", which is no folder of its own on this machine. Empty it yourself, or set spec.storage.uri to file:///runs/NAME`);
    folders.push(join(places.volumes, path), dirname(dirname(places.log(key, 1, 0))), places.state(key), places.pods(key), join(places.root, 'quickstart', key.name));
  }
  // State first: without it nothing claims that there is something to go on from.
  for (const folder of folders.filter((one) => existsSync(one))) {
    rmSync(folder, { recursive: true, force: true });
    teller.say(`Removed ${folder}`);
  }
}
