import { join } from 'node:path';
import { cached, digest } from '../cluster/cache.ts';
import { goBuild } from '../cluster/go-build.ts';

const SOURCES = ['go.mod', 'go.sum', 'main.go'].map((name) => join(import.meta.dirname, name));

/** Path of the collector, compiled once; that takes minutes.
 *  @throws MissingPart without Go */
export const collector = (): Promise<string> => cached('collector', digest(SOURCES), 'collector', (place) => goBuild(import.meta.dirname, place));
