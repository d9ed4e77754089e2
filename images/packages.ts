/** npm packages of the checkout: the project's own, and those that are installed beside them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

/** Workspaces of the repository by the name of their package. */
export function workspaces(root: string): Map<string, string> {
  const { workspaces: folders } = json<{ workspaces: string[] }>(join(root, 'package.json'));
  return new Map(folders.map((folder) => [json<{ name: string }>(join(root, folder, 'package.json')).name, folder]));
}

/** Names of all packages that code at the top finds, workspaces among them. */
export function installed(root: string): Set<string> {
  const { packages } = json<{ packages: Record<string, unknown> }>(join(root, 'package-lock.json'));
  return new Set(Object.keys(packages).flatMap((place) => /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(place)?.[1] ?? []));
}

/** The package that a module's name begins with: "@scope/name" of "@scope/name/part". */
export const packageOf = (module: string): string => module.split('/').slice(0, module.startsWith('@') ? 2 : 1).join('/');
