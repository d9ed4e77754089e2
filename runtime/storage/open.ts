import { join, resolve } from 'node:path';
import { FileStorage } from './file.ts';
import { checkPath } from './path.ts';
import { StorageError, type Storage } from './storage.ts';

const EXAMPLE = 'Use a URI such as "file:///datasets/emoji"';

/** The storage of a uri. file:///a/b is the folder SRDIT_FILE_ROOT/a/b (SRDIT_FILE_ROOT defaults to "/": what pods see).
 *  Throws StorageError BadUri. Nothing is created or looked at before the first use. */
export function openStorage(uri: string, environment: Readonly<Record<string, string | undefined>> = process.env): Storage {
  const trimmed = uri.replace(/\/+$/, '');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) throw new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: it does not begin with a scheme. ${EXAMPLE}`);
  if (scheme === 'gs' || scheme === 's3') throw new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: object stores come with the cluster, this version knows file:// only. ${EXAMPLE}`);
  if (scheme !== 'file') throw new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: the scheme "${scheme}" is not known. ${EXAMPLE}`);
  const rest = trimmed.slice('file://'.length);
  if (uri.startsWith('file:///') && rest === '') return new FileStorage('file://', resolve(environment.SRDIT_FILE_ROOT ?? '/'));
  if (!rest.startsWith('/')) throw new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: file URIs have three slashes and no host. ${EXAMPLE}`);
  if (/[?#%]/.test(rest)) throw new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: "?", "#" and "%" have no meaning here. Rename the folder without them`);
  let path: string;
  try {
    path = checkPath('file://', rest.slice(1));
  } catch (cause) {
    throw new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: a part of its path is empty, "." or "..", or holds a backslash or control character. ${EXAMPLE}`, { cause });
  }
  return new FileStorage(`file://${rest}`, join(resolve(environment.SRDIT_FILE_ROOT ?? '/'), path));
}
