import { StorageError } from './storage.ts';

/** Refuses what could leave the prefix or means different things to file systems and object stores. Returns the path. */
export function checkPath(uri: string, path: string): string {
  const bad = path === '' ? 'it is empty'
    : path.startsWith('/') ? 'it begins with "/"'
    : path.includes('\\') ? 'it holds a backslash'
    : /[\x00-\x1f\x7f]/.test(path) ? 'it holds a control character' // eslint-disable-line no-control-regex -- they are what is looked for
    : path.split('/').some((part) => part === '' || part === '.' || part === '..') ? 'a part of it is empty, "." or ".."'
    : !path.isWellFormed() ? 'it is no Unicode text'
    : Buffer.byteLength(path) > 1024 ? 'it is longer than 1024 bytes'
    : undefined;
  if (bad !== undefined) throw new StorageError('BadPath', `Cannot use path ${JSON.stringify(path)} below "${uri}": ${bad}. Name an object by a relative path such as "a/b.json"`);
  return path;
}

export const joinPath = (prefix: string, path: string): string =>
  path === '' ? prefix : prefix === '' ? path : prefix.endsWith('/') ? prefix + path : `${prefix}/${path}`;
