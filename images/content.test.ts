import assert from 'node:assert/strict';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { after, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { closure } from './node-modules.ts';
import { writeImage, type Image } from './oci.ts';
import { sbom } from './sbom.ts';
import { sources } from './sources.ts';
import { bytes, complete, folder, link, writeTar, type Entry } from './tar.ts';

const work = mkdtempSync(join(tmpdir(), 'srdit-images-'));
after(() => { rmSync(work, { recursive: true, force: true }); });
const root = dirname(import.meta.dirname);

function unpack(tar: string): string {
  const out = mkdtempSync(join(work, 'out-'));
  execFileSync('tar', ['-xf', tar, '-C', out]);
  return out;
}

const LONG = `${'long/'.repeat(30)}name`;
const image = (entries: readonly Entry[]): Image => ({ name: 'srdit.test/a:1', layers: [{ name: 'one', entries }], config: { user: '65532:65532', entrypoint: ['a'], environment: { A: '1' } } });
const ENTRIES = [bytes('b/c', 'hello', 0o755), link('b/d', 'c'), folder('tmp', 0o1777), bytes(LONG, 'far'), bytes('empty', '')];

for (const compress of [false, true]) {
  test(`an image ${compress ? 'compressed with zstd' : 'left plain'} has the same bytes each time, in whatever order its entries come, and tar reads its layer`, async () => {
    const [first, second] = [join(work, `1-${compress}.tar`), join(work, `2-${compress}.tar`)];
    const written = await writeImage(image(ENTRIES), first, compress);
    await writeImage(image([...ENTRIES].reverse()), second, compress);
    assert.deepEqual(readFileSync(first), readFileSync(second));
    const layout = unpack(first);
    const blob = (digest: string): string => join(layout, 'blobs/sha256', digest.slice(7));
    const json = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const index = json(join(layout, 'index.json')) as { manifests: { digest: string; annotations: Record<string, string> }[] };
    assert.equal(index.manifests[0]?.digest, written.digest);
    assert.equal(index.manifests[0].annotations['io.containerd.image.name'], 'srdit.test/a:1');
    const manifest = json(blob(written.digest)) as { config: { digest: string }; layers: { digest: string; mediaType: string; size: number }[] };
    const config = json(blob(manifest.config.digest)) as { config: { User: string; Env: string[] } };
    assert.deepEqual([config.config.User, config.config.Env.includes('A=1')], ['65532:65532', true]);
    const [layer] = manifest.layers;
    assert.ok(layer);
    assert.equal(statSync(blob(layer.digest)).size, layer.size);
    if (compress) return; // tar may not know zstd
    const files = unpack(blob(layer.digest));
    assert.equal(readFileSync(join(files, 'b/d'), 'utf8'), 'hello');
    assert.equal(readFileSync(join(files, LONG), 'utf8'), 'far');
    assert.equal(statSync(join(files, 'b/c')).mode & 0o777, 0o755);
    assert.equal(statSync(join(files, 'empty')).size, 0);
    assert.equal(Math.round(statSync(join(files, 'b')).mtimeMs), 0);
  });
}

test('every folder that something lies in is an entry, before what lies in it', () => {
  assert.deepEqual(complete([bytes('a/b/c', '')]).map(({ path }) => path), ['a', 'a/b', 'a/b/c']);
});

test('a folder keeps its time where tar unpacks it, also when another name begins with its own', async () => {
  const out = mkdtempSync(join(work, 'times-'));
  const stream = createWriteStream(join(out, 'a.tar'));
  await writeTar([bytes('a/one', ''), bytes('a-b', ''), bytes('a/two', '')], stream);
  await finished(stream.end());
  execFileSync('tar', ['-xf', join(out, 'a.tar'), '-C', out]);
  assert.equal(statSync(join(out, 'a')).mtimeMs, 0);
});

test('the code of an image is what its entry points reach: stripped, its file names rewritten, and it runs', () => {
  const place = join(work, 'repository');
  const files: Record<string, string> = {
    'package.json': '{"workspaces":["one","two"]}', 'package-lock.json': '{"packages":{"node_modules/left":{}}}',
    'one/package.json': '{"name":"@a/one","version":"1.0.0","type":"module","exports":{".":"./index.ts"}}',
    'one/index.ts': 'export type T = number;\nexport const one: T = 1;\n',
    'two/package.json': '{"name":"two","version":"1.0.0","type":"module","exports":{"./*":"./*"}}',
    'two/main.ts': "#!/usr/bin/env node\nimport { one } from '@a/one';\nimport type { Unseen } from './unseen.ts';\nimport { readFileSync } from 'node:fs';\nconst file = new URL('data.json', import.meta.url);\nconst { two } = await import('./two.ts');\nconst text: Unseen = readFileSync(file, 'utf8');\nconsole.log(one + two, text.trim(), 'left.ts');\n",
    'two/two.ts': 'export const two: number = 2;\n', 'two/data.json': '{"three":3}\n', 'two/unseen.ts': 'export type Unseen = string;\n', 'two/unused.ts': "import 'left';\n",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, path)), { recursive: true });
    writeFileSync(join(place, path), text);
  }
  const { entries, packages } = sources(place, ['two/main.ts'], 'app');
  assert.deepEqual(entries.map(({ path }) => path).sort(), ['app/node_modules/@a/one', 'app/one/index.js', 'app/one/package.json', 'app/package.json', 'app/two/data.json', 'app/two/main.js', 'app/two/two.js']);
  assert.deepEqual([...packages], []);
  const out = mkdtempSync(join(work, 'code-'));
  for (const entry of complete(entries)) {
    if (entry.kind === 'folder') mkdirSync(join(out, entry.path));
    if (entry.kind === 'bytes') writeFileSync(join(out, entry.path), entry.bytes);
    if (entry.kind === 'link') execFileSync('ln', ['-s', entry.target, join(out, entry.path)]);
  }
  assert.equal(execFileSync(process.execPath, [join(out, 'app/two/main.js')], { encoding: 'utf8' }), '3 {"three":3} left.ts\n');
  assert.deepEqual([...sources(place, ['two/unused.ts'], 'app').packages], ['left']);
});

test('an import of a file that is not there is refused with its name', () => {
  const place = join(work, 'broken');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{"workspaces":["w"]}');
  writeFileSync(join(place, 'package-lock.json'), '{"packages":{}}');
  mkdirSync(join(place, 'w'));
  writeFileSync(join(place, 'w/package.json'), '{"name":"w","version":"1.0.0","type":"module","exports":{"./*":"./*"}}');
  writeFileSync(join(place, 'w/main.ts'), "import 'w/gone.ts';\n");
  assert.throws(() => sources(place, ['w/main.ts'], 'app'), /Cannot find "w\/gone.ts"/);
});

test("the packages of an image are those that are imported and theirs: the operator's bring no TensorFlow, and no typings' packages come along", () => {
  const names = closure(root, ['undici', 'zod', 'yaml', '@kubernetes/client-node']).map(({ name }) => name);
  assert.ok(names.includes('js-yaml') && names.includes('zod'));
  assert.ok(names.every((name) => !name.startsWith('@tensorflow/') && name !== 'typescript' && name !== 'eslint'), names.join());
});

test('the list of parts is the same for the same parts, and names each with its digest', () => {
  const parts = { image: 'a', version: '1', node: '24.0.0', packages: closure(root, ['zod']), libraries: [{ path: 'lib/x', from: '/lib/x', package: 'libc6', version: '2.36-9+deb12u1' }], wheels: [{ name: 'tensorflow', version: '2.21.0', sha256: 'ab' }] };
  assert.equal(sbom(parts), sbom(parts));
  const { components } = JSON.parse(sbom(parts)) as { components: { purl: string; hashes?: { content: string }[] }[] };
  assert.deepEqual(components.map(({ purl }) => purl.replace(/@.*/, '')), ['pkg:generic/node', 'pkg:deb/debian/libc6', 'pkg:pypi/tensorflow', 'pkg:npm/zod']);
  assert.match(components.at(-1)?.hashes?.[0]?.content ?? '', /^[0-9a-f]{128}$/);
  assert.ok(existsSync(join(root, 'node_modules/zod')));
});
