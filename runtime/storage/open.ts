import { join, resolve } from 'node:path';
import { FileStorage } from './file.ts';
import { GcsStorage } from './gcs.ts';
import { Api } from './gcs/api.ts';
import { endpointOf } from './gcs/endpoint.ts';
import { CLOCK, PATIENCE, type Clock, type Patience } from './gcs/patience.ts';
import { PART_BYTES } from './gcs/upload.ts';
import { checkPath } from './path.ts';
import { StorageError, type Storage } from './storage.ts';

const EXAMPLE = 'Use a URI such as "file:///datasets/emoji" or "gs://bucket/runs/emoji"';

export interface OpenOptions {
  /** How long an object store that does not answer is waited for. */
  readonly patience?: Partial<Patience>;
  readonly clock?: Clock;
  /** Bytes of an upload that travel at a time, a multiple of 256 KiB; two such parts are held in memory. */
  readonly partBytes?: number;
}

/** The storage of a uri. file:///a/b is the folder SRDIT_FILE_ROOT/a/b (SRDIT_FILE_ROOT defaults to "/": what pods see); gs://bucket/a is a
 *  prefix of a bucket (docs/object-storage.md). Throws StorageError BadUri. Nothing is created or looked at before the first use. */
export function openStorage(uri: string, environment: Readonly<Record<string, string | undefined>> = process.env, options: OpenOptions = {}): Storage {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) throw badUri(uri, `it does not begin with a scheme. ${EXAMPLE}`);
  if (scheme !== 'file' && scheme !== 'gs') throw badUri(uri, `the scheme "${scheme}" is not known. ${EXAMPLE}`);
  const rest = uri.slice(`${scheme}://`.length).replace(/\/+$/, '');
  if (/[?#%]/.test(rest)) throw badUri(uri, '"?", "#" and "%" have no meaning here. Rename the folder without them');
  if (scheme === 'gs') return openBucket(uri, rest, environment, options);
  if (!uri.slice('file://'.length).startsWith('/')) throw badUri(uri, `file URIs have three slashes and no host. ${EXAMPLE}`);
  const path = pathOf(uri, rest.slice(1));
  return new FileStorage(path === '' ? 'file://' : `file:///${path}`, join(resolve(environment.SRDIT_FILE_ROOT ?? '/'), path));
}

function openBucket(uri: string, rest: string, environment: Readonly<Record<string, string | undefined>>, { patience, clock = CLOCK, partBytes = PART_BYTES }: OpenOptions): Storage {
  const slash = rest.indexOf('/');
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  // Cloud Storage, "Bucket names".
  const parts = bucket.split('.');
  const fits = /^[a-z0-9][a-z0-9._-]*[a-z0-9]$/.test(bucket) && bucket.length >= 3 && bucket.length <= 222
    && parts.every((part) => /^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$/.test(part) && part.length <= 63) && !/^\d+\.\d+\.\d+\.\d+$/.test(bucket) && !bucket.startsWith('goog');
  if (!fits) throw badUri(uri, `${JSON.stringify(bucket)} is no name of a bucket: 3 to 63 small letters, digits, "-", "_" and ".". ${EXAMPLE}`);
  const path = slash < 0 ? '' : pathOf(uri, rest.slice(slash + 1));
  return new GcsStorage(new Api(bucket, endpointOf(environment), { patience: { ...PATIENCE, ...patience }, clock, partBytes }), path);
}

function pathOf(uri: string, path: string): string {
  try {
    return path === '' ? '' : checkPath(uri, path);
  } catch (cause) {
    throw badUri(uri, `a part of its path is empty, "." or "..", or holds a backslash or control character. ${EXAMPLE}`, { cause });
  }
}

const badUri = (uri: string, why: string, options?: ErrorOptions): StorageError => new StorageError('BadUri', `Cannot open ${JSON.stringify(uri)}: ${why}`, options);
