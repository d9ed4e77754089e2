/** What each image holds: the one definition, for build.ts here and for the Dockerfile elsewhere. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { configOf, PLACE, TENSORFLOW, wheels, type ImageName } from './config.ts';
import { libraries, libraryEntries, type Library } from './libraries.ts';
import { closure, moduleEntries, type Locked } from './node-modules.ts';
import { sbom, type Wheel } from './sbom.ts';
import { sources } from './sources.ts';
import { bytes, file, folder, link, tree, type Entry } from './tar.ts';
import type { Image, Layer } from './oci.ts';

export interface Surroundings {
  readonly root: string;
  /** TensorFlow as ./srdit brought it, and the two addons compiled against it. Only for runtimes. */
  readonly tensorflow?: string;
  readonly addon?: string;
  readonly registry: string;
}

const FILES: readonly Entry[] = [
  bytes('etc/passwd', 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n'),
  bytes('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
  bytes('etc/nsswitch.conf', 'hosts: files dns\n'),
  folder('tmp', 0o1777), folder('dev'), folder('proc'), folder('sys'),
];

/** tfjs comes in seven dialects of JavaScript, of which Node reads two; bare-* packages bring addons of another runtime for a dozen systems. */
const otherDialect = (path: string): boolean => /@tensorflow\/[^/]+\/dist\/[^/]*\.(es2017|fesm|min)\.|@tensorflow\/[^/]+\/dist\/(bin|miniprogram|tools)\/|\/(web-?gl|webgpu)_[^/]*$/.test(path)
  || /@tensorflow\/[^/]+\/(binding|scripts|deps|src|dist\/tf[^/]*\.(es2017|fesm|min)[^/]*)(\/|$)/.test(path)
  || /@kubernetes\/client-node\/(src|e2e|testdata)(\/|$)/.test(path) || /\/web-streams-polyfill\/(es2018|es6|polyfill|dist\/(?!ponyfill))/.test(path) || /\/core-js\/(es|features|full|actual|stage|proposals|stable|web)(\/|$)|\/bare-[^/]+\/prebuilds(\/|$)/.test(path);

/** The image of that name. @throws Error that says what is missing */
export function image(name: ImageName, around: Surroundings): Image {
  const { version } = JSON.parse(readFileSync(join(around.root, 'package.json'), 'utf8')) as { version: string };
  return name === 'operator' ? operator(around, version) : runtime(name, around, version);
}

function operator({ root, registry }: Surroundings, version: string): Image {
  const code = bundle(root, 'operator/controller/main.ts', PLACE);
  const packages = closure(root, code.packages);
  const shared = libraries([process.execPath]);
  return {
    name: `${registry}srdit-operator:${version}`,
    layers: [
      base(shared),
      { name: 'npm packages', entries: moduleEntries(root, packages, PLACE, (path) => otherDialect(path) || [...code.inlined].some((name) => path.startsWith(`node_modules/${name}/`))) },
      { name: 'operator', entries: [...code.entries, link('usr/local/bin/srdit-operator', `/${PLACE}/operator/controller/main.js`), ...told(`srdit-operator`, version, packages, shared, [])] },
    ],
    config: configOf('operator', root, version),
  };
}

function runtime(name: 'runtime-cpu' | 'runtime-cuda', { root, registry, tensorflow, addon }: Surroundings, version: string): Image {
  const flavour = name === 'runtime-cuda' ? 'gpu' : 'cpu';
  if (tensorflow === undefined || addon === undefined) throw new Error(`Cannot build ${name}: TensorFlow is not there. Run SRDIT_DEVICE=${flavour} ./srdit setup first`);
  const code = sources(root, ['runtime/cli/main.ts'], PLACE);
  const packages = closure(root, code.packages, new Set(['node-api-headers']));
  const tfjs = join(root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node');
  const programs = [process.execPath, addon, tfjs, ...sharpLibraries(root)];
  const shared = libraries(programs, [tensorflow, join(root, 'node_modules')]);
  return {
    name: `${registry}srdit-runtime:${version}${flavour === 'gpu' ? '-cuda' : ''}`,
    layers: [
      base(shared),
      { name: `tensorflow (${flavour})`, entries: tree(TENSORFLOW.slice(1), tensorflow, (path) => !/(^|\/)include(\/|$)|\.(h|hpp|cuh|a|py)$|^complete$|^\./.test(path)) },
      { name: 'npm packages', entries: moduleEntries(root, packages, PLACE, otherDialect) },
      {
        name: 'runtime', entries: [
          ...code.entries,
          native(`${PLACE}/srdit.node`, addon, tensorflow), native(`${PLACE}/node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node`, tfjs, tensorflow),
          link('usr/local/bin/srdit-runtime', `/${PLACE}/runtime/cli/main.js`),
          ...told('srdit-runtime', version, packages, shared, wheels(root, flavour)),
        ],
      },
    ],
    config: configOf(name, root, version),
  };
}

const base = (shared: readonly Library[]): Layer => ({ name: 'node and its libraries', entries: [...FILES, stripped('usr/local/bin/node', process.execPath), ...libraryEntries(shared)] });

const told = (image: string, version: string, packages: readonly Locked[], shared: readonly Library[], pinned: readonly Wheel[]): Entry[] => [
  bytes(`usr/share/sbom/${image}.cdx.json`, sbom({ image, version, node: process.versions.node, packages, libraries: shared, wheels: pinned })),
];

/** Without its symbols, an eighth less. */
function stripped(path: string, from: string): Entry {
  try {
    return bytes(path, execFileSync('sh', ['-c', 't=$(mktemp) && strip -o "$t" "$1" && cat "$t"; s=$?; rm -f "$t"; exit $s', 'sh', from], { maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'ignore'] }), 0o755);
  } catch {
    return file(path, from);
  }
}

/** An addon looks for TensorFlow where it was compiled; in the image it lies elsewhere. The new path is made as long as the old one with slashes,
 *  since other names of the addon may share the old one's end. */
function native(path: string, from: string, tensorflow: string): Entry {
  const content = readFileSync(from);
  const old = `${tensorflow}/tensorflow`;
  const at = content.indexOf(`${old}\0`);
  const own = `${TENSORFLOW}${'/'.repeat(Math.max(0, old.length - TENSORFLOW.length - 'tensorflow'.length))}tensorflow`;
  if (at < 0 || own.length !== old.length) throw new Error(`Cannot move "${from}" into an image: it does not name "${old}" as the place of TensorFlow, or that path is shorter than "${TENSORFLOW}/tensorflow". Set SRDIT_CACHE to a longer path and run ./srdit setup`);
  content.write(own, at, 'latin1');
  return bytes(path, content, 0o755);
}

/** sharp's own program; its other library lies beside it. */
function sharpLibraries(root: string): string[] {
  const place = join(root, 'node_modules/@img/sharp-linux-x64/lib');
  return readdirSync(place).filter((name) => name.endsWith('.node')).map((name) => join(place, name));
}
