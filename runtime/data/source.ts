import { createHash } from 'node:crypto';
import { StorageError } from '../storage/storage.ts';
import type { PictureStore } from './archive.ts';
import { DataError } from './error.ts';

export const LABELS = 'dataset.json';
/** Names of ten million pictures. */
const LABELS_LIMIT_BYTES = 512 << 20;

/** Pictures to pack, in the order of their names: paths below the source, and the class of each. */
export interface Source {
  readonly names: readonly string[];
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** Of names, labels and classes. */
  readonly digest: string;
}

/** What ./srdit data convert left: pictures, and dataset.json with {"labels": [[name, label], ...]}. Labels that are null
 *  (a single class) are 0. classes: names of the labels; default dataset.json's "classes", else their numbers. Throws DataError BadSource. */
export async function readSource(storage: PictureStore, classes?: readonly string[]): Promise<Source> {
  const json = await readJson(storage);
  const listed = json['labels'];
  const pairs: (readonly [string, number])[] = listed === null || listed === undefined
    ? (await storage.list('')).filter(({ path }) => path.endsWith('.png')).map(({ path }) => [path, 0] as const)
    : pairsOf(storage, listed);
  if (pairs.length === 0) throw badSource(storage, 'it lists no pictures');
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const twice = pairs.find(([name], i) => i > 0 && pairs[i - 1]?.[0] === name);
  if (twice !== undefined) throw badSource(storage, `it lists ${JSON.stringify(twice[0])} twice`);

  const highest = pairs.reduce((most, [, label]) => Math.max(most, label), 0);
  const named = classes ?? classesOf(storage, json['classes']) ?? Array.from({ length: highest + 1 }, (_, label) => String(label));
  if (named.length <= highest) {
    throw new DataError('BadSource', `Cannot name the classes of "${storage.uri}": there are ${named.length} names, but labels go up to ${highest}. Give ${highest + 1} names`);
  }
  const hash = createHash('sha256');
  for (const [name, label] of pairs) hash.update(`${name}\0${label}\0`);
  hash.update(JSON.stringify(named));
  return { names: pairs.map(([name]) => name), labels: Int32Array.from(pairs, ([, label]) => label), classes: named, digest: hash.digest('hex') };
}

async function readJson(storage: PictureStore): Promise<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await storage.read(LABELS, { limitBytes: LABELS_LIMIT_BYTES })));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
    throw badSource(storage, 'it is no object');
  } catch (cause) {
    if (cause instanceof SyntaxError || cause instanceof TypeError) throw badSource(storage, 'it is not JSON', cause);
    if (!(cause instanceof StorageError) || cause.code !== 'NotFound') throw cause;
    throw new DataError('BadSource', `Cannot pack "${storage.uri}": it has no ${LABELS}. Prepare pictures with ./srdit data convert and give the folder that it wrote`, { cause });
  }
}

function pairsOf(storage: PictureStore, listed: unknown): [string, number][] {
  if (!Array.isArray(listed)) throw badSource(storage, '"labels" is no list');
  return listed.map((pair: unknown, i): [string, number] => {
    const [name, label] = Array.isArray(pair) ? pair as unknown[] : [];
    if (typeof name === 'string' && typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < 1_000_000) return [name, label];
    throw badSource(storage, `entry ${i} of "labels" is no [name, label] with a label from 0 to 999999`);
  });
}

function classesOf(storage: PictureStore, classes: unknown): string[] | undefined {
  if (classes === undefined || classes === null) return undefined;
  if (Array.isArray(classes) && classes.every((name): name is string => typeof name === 'string' && name !== '' && name.length <= 200)) return classes;
  throw badSource(storage, '"classes" is no list of names of 1 to 200 letters');
}

const badSource = (storage: PictureStore, why: string, cause?: unknown): DataError =>
  new DataError('BadSource', `Cannot pack "${storage.uri}": ${LABELS} cannot be used, ${why}. Make it again with ./srdit data convert`, { cause });
