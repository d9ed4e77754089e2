/** Builds an image without a daemon, from what ./srdit brought: an OCI layout for `./srdit image` and e2e/, or, as the Dockerfile asks by
 *    node images/build.ts operator|runtime-cpu|runtime-cuda FOLDER
 *  its file system alone, the first layer in FOLDER/1, the next in FOLDER/2 and so on. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IMAGES, type ImageName } from './config.ts';
import { image, type Surroundings } from './content.ts';
import { writeImage, type Written } from './oci.ts';
import { writeTar } from './tar.ts';

export { IMAGES };

const ROOT = dirname(import.meta.dirname);

/** What the image is made from on this machine: ./srdit's cache and stamp say where it lies. */
export function surroundings(name: ImageName, registry = ''): Surroundings {
  if (name === 'operator') return { root: ROOT, registry };
  const stamp = join(ROOT, 'node_modules/.srdit-stamp');
  const addon = process.env['SRDIT_ADDON'] ?? (existsSync(stamp) ? readFileSync(stamp, 'utf8').split('\n')[2] : undefined);
  const cache = join(addon === undefined ? '' : dirname(dirname(dirname(addon))), 'tensorflow');
  const flavour = name === 'runtime-cuda' ? 'gpu-' : 'cpu-';
  const found = existsSync(cache) ? readdirSync(cache).filter((entry) => entry.startsWith(flavour) && existsSync(join(cache, entry, 'complete')))
    .sort((a, b) => statSync(join(cache, b)).mtimeMs - statSync(join(cache, a)).mtimeMs)[0] : undefined;
  return { root: ROOT, registry, ...(addon === undefined ? {} : { addon }), ...(found === undefined ? {} : { tensorflow: join(cache, found) }) };
}

/** Builds an image into an OCI layout tar. */
export const buildImage = (name: ImageName, out: string, options: { compress: boolean; registry?: string }): Promise<Written> =>
  writeImage(image(name, surroundings(name, options.registry)), out, options.compress);

/** Unpacks each layer of an image into a folder of its own, so that the Dockerfile's layers are the same: of a new version of the code a node
 *  that has the old one pulls little. */
async function unpack(name: ImageName, folder: string): Promise<void> {
  for (const [at, { entries }] of image(name, surroundings(name)).layers.entries()) {
    const layer = join(folder, String(at + 1));
    mkdirSync(layer, { recursive: true });
    const tar = spawn('tar', ['-x', '-C', layer, '--no-same-owner', '-f', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
    await writeTar(entries, tar.stdin);
    tar.stdin.end();
    const [code] = await once(tar, 'exit') as [number | null];
    if (code !== 0) throw new Error(`Cannot unpack the image into "${layer}": tar ended with ${code ?? 'a signal'}`);
  }
}

async function main([wanted, folder]: readonly string[]): Promise<void> {
  const name = IMAGES.find((known) => known === wanted);
  if (name === undefined || folder === undefined) {
    console.error(`Say node images/build.ts ${IMAGES.join('|')} FOLDER. For an OCI layout say ./srdit image`);
    process.exitCode = 64;
    return;
  }
  await unpack(name, folder);
}

if (import.meta.main) await main(process.argv.slice(2));
