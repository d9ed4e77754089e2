/** Images of the test cluster, built once: pause and busybox from Debian's static busybox, the contract rank, and the project's own. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildImage, surroundings } from '../images/build.ts';
import type { ImageName } from '../images/config.ts';
import { writeImage, type Image } from '../images/oci.ts';
import { bytes, file, folder, link, type Entry } from '../images/tar.ts';
import { cached, digest } from './cluster/cache.ts';
import { goBuild } from './cluster/go-build.ts';
import { MissingPart } from './cluster/missing-part.ts';

const HERE = import.meta.dirname;
const ROOT = dirname(HERE);

export const PAUSE = 'srdit.test/pause:1';
export const BUSYBOX = 'srdit.test/busybox:1';
export const CONTRACT_RANK = 'srdit.test/contract-rank:1';
/** In front of the names of the project's own images here, so that nobody thinks they come from somewhere. */
export const REGISTRY = 'srdit.test/';

const APPLETS = ['sh', 'cat', 'ls', 'sleep', 'wget', 'nc', 'kill', 'ps', 'env', 'id', 'test', 'nslookup', 'timeout'];
const busybox = (): string => {
  const path = ['/bin/busybox', '/usr/bin/busybox'].find((place) => existsSync(place));
  if (path === undefined) throw new MissingPart('busybox is not installed', 'Install busybox-static');
  return path;
};
const shell = (): Entry[] => [file('bin/busybox', busybox()), ...APPLETS.map((name) => link(`bin/${name}`, 'busybox')), folder('tmp', 0o1777), folder('etc'),
  bytes('etc/passwd', 'root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/tmp:/bin/sh\n')];

const small = (image: Image, key: string): Promise<string> => cached('images', key, `${image.name.replace(/^.*\/|:.*$/g, '')}.tar`, async (place) => { await writeImage(image, place, false); });

/** pause and busybox. */
export async function toolImages(): Promise<string[]> {
  const key = digest([busybox(), join(HERE, 'images.ts')]);
  return Promise.all([
    // Reaps what is left to it and ends when told to, as the real one.
    small({ name: PAUSE, layers: [{ name: 'busybox', entries: shell() }], config: { entrypoint: ['/bin/sh', '-c', 'trap "exit 0" TERM INT; while :; do sleep 2147483647 & wait $!; done'] } }, key),
    small({ name: BUSYBOX, layers: [{ name: 'busybox', entries: shell() }], config: { user: '65532:65532', entrypoint: ['/bin/sh'] } }, key),
  ]);
}

/** The tiny program that keeps the runtime's contract; with a shell, so that tests can kill its processes. */
export async function contractRankImage(): Promise<string> {
  const source = join(HERE, 'contract-rank');
  const key = digest([busybox(), join(HERE, 'images.ts'), join(source, 'main.go'), join(source, 'go.mod')]);
  const binary = await cached('images', key, 'contract-rank', (place) => goBuild(source, place));
  return small({
    name: CONTRACT_RANK, layers: [{ name: 'contract rank', entries: [...shell(), file('usr/local/bin/srdit-runtime', binary)] }],
    config: { user: '65532:65532', entrypoint: ['srdit-runtime', 'worker'] },
  }, key);
}

/** An image of the project, made anew when its code, its packages or the recipe change. */
export async function projectImage(name: ImageName): Promise<string> {
  const files = (path: string): string[] => readdirSync(join(ROOT, path), { withFileTypes: true }).flatMap((entry) => {
    const below = `${path}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'testing' ? [] : files(below);
    return /\.(ts|json|wheels|sh|cc|h)$/.test(entry.name) && !entry.name.endsWith('.test.ts') ? [below] : [];
  });
  const { addon = '', tensorflow = '' } = surroundings(name);
  const code = ['images', 'crds', ...(name === 'operator' ? ['operator/kopf-ts', 'operator/plan', 'operator/controller', 'runtime/cli'] : ['runtime'])].filter((path) => existsSync(join(ROOT, path))).flatMap(files).sort();
  const key = digest([join(ROOT, 'package-lock.json'), ...code.map((path) => join(ROOT, path))], code.join(), addon, tensorflow, process.version);
  return cached('images', key, `${name}.tar`, async (place) => {
    process.stderr.write(`e2e: building image ${name}\n`);
    await buildImage(name, place, { compress: false, registry: REGISTRY });
    dropOlder(dirname(dirname(place)), `${name}.tar`, dirname(place));
  });
}

/** A runtime is a gigabyte: of each image the cache keeps the newest. */
function dropOlder(kept: string, name: string, own: string): void {
  for (const key of readdirSync(kept)) if (join(kept, key) !== own) rmSync(join(kept, key, name), { force: true });
}
