import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const here = (name: string): boolean => name === 'node_modules' || name === '.srdit';
const pages = globSync('**/*.md', { cwd: ROOT, exclude: here });

/** What a heading's link ends with, as GitHub makes it. */
const anchors = (page: string): Set<string> => new Set([...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(/[^\p{L}\d\- _]/gu, '').replaceAll(' ', '-')));

test('links between pages lead somewhere', () => {
  assert.ok(pages.includes('README.md') && pages.length > 10);
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, link = ''] of read(page).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path = '', anchor = ''] = link.split('#');
      const target = path === '' ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(ROOT, target)) || (anchor !== '' && target.endsWith('.md') && !anchors(target).has(anchor))) broken.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('dependencies.md names every package that package.json files ask for, with its version', () => {
  const lines = read('docs/dependencies.md').split('\n');
  const missing: string[] = [];
  for (const path of globSync('**/package.json', { cwd: ROOT, exclude: here })) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(path)) as { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (name.startsWith('@srdit/') || name === 'kopf-ts') continue;
      // Pictures have a paragraph of their own.
      if (!lines.some((line) => line.includes(`\`${name}\``) && line.includes(version))) missing.push(`${path}: ${name} ${version}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('every command of ./srdit that pages show is one', () => {
  const commands = new Set([...globSync('operator/cli/commands/*.ts', { cwd: ROOT }).map((path) => path.replace(/^.*\/(.*)\.ts$/, '$1')), 'setup', 'test', 'help']);
  const bench = new Set([...read('operator/cli/commands/bench.ts').matchAll(/\.command\('([\w-]+)'\)/g)].map(([, name = '']) => name));
  const wrong: string[] = [];
  for (const page of pages) {
    // In code, not in a sentence about it.
    for (const [whole, command = '', next = ''] of read(page).matchAll(/(?:`|^ {4,}|\$ |&& |=\S+ |\| )\.\/srdit ([a-z][\w-]*)(?: ([a-z][\w-]*))?/gm)) {
      if (!commands.has(command) || (command === 'bench' && next !== '' && !bench.has(next))) wrong.push(`${page}: ${whole}`);
    }
  }
  assert.deepEqual(wrong, []);
});
