import { readFileSync } from 'node:fs';
import type { Resource } from '@srdit/crds';
import { parseResources, ResourceError, type LocatedProblem } from '@srdit/crds/parse';
import { InputError } from './errors.ts';

/** Resources of YAML files (- is standard input), checked as the API server would. Problems of all files are told at once.
 *  @throws InputError for a file that cannot be read, ResourceError for what is in it */
export function readResources(files: readonly string[]): Resource[] {
  const resources: Resource[] = [];
  const problems: LocatedProblem[] = [];
  for (const file of files) {
    const text = read(file);
    try {
      resources.push(...parseResources(text, file === '-' ? 'standard input' : file));
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ResourceError(problems);
  return resources;
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : (cause as Error).message;
    throw new InputError(`Cannot read "${file}": ${why}. Give the path of a YAML file with -f, or - for standard input`, { cause });
  }
}
