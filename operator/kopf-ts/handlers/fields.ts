/** Looking into objects and comparing them. */
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/objects.ts';

/** The value at a path such as "spec.chairs". */
export function fieldOf(object: unknown, path: string): unknown {
  let value = object;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

export const sameValue = (a: unknown, b: unknown): boolean => isDeepStrictEqual(a, b);

/** Equal but for metadata that the server keeps, and status. */
export function sameContent(a: KubeObject, b: KubeObject): boolean {
  const content = ({ metadata: { labels, annotations }, status: _, ...rest }: KubeObject & { status?: unknown }): unknown => ({ ...rest, labels, annotations });
  return a === b || isDeepStrictEqual(content(a), content(b));
}
