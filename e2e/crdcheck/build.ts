import { join } from 'node:path';
import { cached, digest } from '../cluster/cache.ts';
import { goBuild } from '../cluster/go-build.ts';

const SOURCES = ['go.mod', 'go.sum', 'main.go'].map((name) => join(import.meta.dirname, name));

/** Path of crdcheck, compiled once; that takes minutes, the API server's validation being a large part of it.
 *  @throws MissingPart without Go */
export const crdcheck = (): Promise<string> => cached('crdcheck', digest(SOURCES), 'crdcheck', (place) => goBuild(import.meta.dirname, place));
