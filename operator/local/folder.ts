import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a folder with all above it. Node says of a read-only place that it is missing: here the deepest folder that exists tells
 *  what is wrong. Throws an errno error that names it. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      try {
        accessSync(at, constants.W_OK);
        break;
      } catch (refusal) {
        if ((refusal as NodeJS.ErrnoException).code !== 'ENOENT') throw refusal;
      }
    }
    throw error;
  }
}
