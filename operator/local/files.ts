import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolder } from './folder.ts';

/** Where everything of a laptop's runs lies, below one folder (`.srdit`, or --root). */
export interface Layout {
  readonly root: string;
  /** What file:/// stands for. */
  readonly volumes: string;
  state(key: ResourceKey): string;
  /** Jobs and pods of the resource: what a cluster's etcd would know of them. */
  pods(key: ResourceKey): string;
  lock(key: ResourceKey): string;
  /** Folder of the files that a pod mounts. */
  pod(key: ResourceKey, podName: string): string;
  log(key: ResourceKey, attempt: number, worker: number): string;
}

export interface ResourceKey { readonly kind: string; readonly namespace: string; readonly name: string }

export function layout(folder: string): Layout {
  const root = resolve(folder);
  const state = (key: ResourceKey, end: string): string => join(root, 'state', key.namespace, key.kind, `${key.name}.${end}`);
  return {
    root,
    volumes: resolve(process.env['SRDIT_FILE_ROOT'] ?? join(root, 'volumes')),
    state: (key) => state(key, 'json'),
    pods: (key) => state(key, 'pods'),
    lock: (key) => state(key, 'lock'),
    pod: (key, podName) => join(root, 'pods', key.namespace, podName),
    log: (key, attempt, worker) => join(root, 'logs', key.kind, key.namespace === 'default' ? key.name : `${key.namespace}.${key.name}`, `attempt-${attempt}`, `worker-${worker}.log`),
  };
}

/** Readers see the old text or the new one, whole. */
export function writeAtomically(path: string, text: string): void {
  makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** Text of a file, undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
