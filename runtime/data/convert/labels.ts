import * as z from 'zod';
import { ConvertError, messageOf } from './picture.ts';

/** dataset.json of a source: [path, class] of each picture. */
const Dataset = z.object({
  labels: z.array(z.tuple([z.string(), z.int().min(0).max(2 ** 31 - 1)])).nullish(),
  classes: z.array(z.string()).optional(),
});

export interface Labels {
  /** The class of the picture with this path in the source, if it has one. */
  of(name: string): number | undefined;
  /** Names of the classes, where they are known. */
  readonly classes?: readonly string[] | undefined;
}

export const topFolder = (name: string): string => (name.includes('/') ? name.slice(0, name.indexOf('/')) : '');

/** Order of Python's sorted(): by code points, which is the order of the bytes in UTF-8. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The classes of a source: what its dataset.json says, else the place of the picture's top folder among the sorted ones. A single
 *  folder is one class (the reference gives no labels then, and its training fails); pictures in no folder have none.
 *  topFolders: of all pictures, '' for those beside the folders. */
export function labelsOf(datasetJson: string | undefined, topFolders: ReadonlySet<string>, source: string): Labels {
  const dataset = datasetJson === undefined ? undefined : parse(datasetJson, source);
  if (dataset?.labels != null && dataset.labels.length > 0) {
    const known = new Map(dataset.labels);
    return { of: (name) => known.get(name), classes: dataset.classes };
  }
  if (topFolders.size === 0 || (topFolders.size === 1 && topFolders.has(''))) return { of: () => undefined };
  const sorted = [...topFolders].sort(byBytes);
  const indices = new Map(sorted.map((folder, i) => [folder, i]));
  return { of: (name) => indices.get(topFolder(name)), classes: sorted.map((folder) => (folder === '' ? '.' : folder)) };
}

function parse(text: string, source: string): z.infer<typeof Dataset> {
  try {
    return Dataset.parse(JSON.parse(text));
  } catch (cause) {
    const said = cause instanceof z.ZodError ? cause.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).slice(0, 2).join('; ') : messageOf(cause);
    throw new ConvertError('BadSource', `Cannot read dataset.json of "${source}": ${said}. It must be {"labels": [["path/of/picture.png", 0], ...]}; take it away to have the folders as classes`, { cause });
  }
}

/** Text of the dataset.json of the result, in pieces, written as the reference's json.dump writes it. If a label is missing, there are none. */
export function* datasetJson(pictures: () => Iterable<{ readonly file: string; readonly label: number | undefined }>, classes: readonly string[] | undefined): Generator<string> {
  let complete = false;
  for (const { label } of pictures()) {
    complete = label !== undefined;
    if (!complete) break;
  }
  if (!complete) {
    yield '{"labels": null}';
    return;
  }
  yield '{"labels": [';
  let first = true;
  for (const { file, label } of pictures()) {
    yield `${first ? '' : ', '}[${JSON.stringify(file)}, ${label as number}]`;
    first = false;
  }
  yield ']';
  if (classes !== undefined) yield `, "classes": [${classes.map((name) => JSON.stringify(name)).join(', ')}]`;
  yield '}';
}
