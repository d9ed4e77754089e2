/** OCI image layouts, written without a daemon: what `ctr images import`, `docker load`, `skopeo copy oci-archive:` and registries take. */
import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { bytes, file, writeTar, type Entry } from './tar.ts';

export interface Layer { readonly name: string; readonly entries: readonly Entry[] }

export interface ImageConfig {
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Image { readonly name: string; readonly layers: readonly Layer[]; readonly config: ImageConfig }

export interface LayerSize { readonly name: string; readonly bytes: number; readonly compressed: number }
export interface Written { readonly digest: string; readonly layers: readonly LayerSize[]; readonly compressed: number; readonly bytes: number }

interface Descriptor { mediaType: string; digest: string; size: number }

/** Counts and digests what passes. */
function meter(): { stream: Transform; result: () => { digest: string; size: number } } {
  const hash = createHash('sha256');
  let size = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, result: () => ({ digest: `sha256:${hash.digest('hex')}`, size }) };
}

/** Writes the image as one tar. Layers are compressed with zstd (containerd 1.5, Docker 23 and later), or not at all, which saves time where
 *  the file goes no further than this machine. */
export async function writeImage(image: Image, out: string, compress: boolean): Promise<Written> {
  mkdirSync(dirname(out), { recursive: true });
  // Beside the result, where there is room for it.
  const work = mkdtempSync(join(dirname(out), '.image-'));
  try {
    const blobs = new Map<string, string>();
    const keep = (path: string, digest: string): void => { blobs.set(digest.slice('sha256:'.length), path); };
    const json = (mediaType: string, value: object): Descriptor => {
      const text = JSON.stringify(value);
      const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
      const path = join(work, digest.slice(7));
      writeFileSync(path, text);
      keep(path, digest);
      return { mediaType, digest, size: Buffer.byteLength(text) };
    };
    const layers: (Descriptor & { diff: string; name: string; bytes: number })[] = [];
    for (const { name, entries } of image.layers) {
      const [plain, packed, source] = [meter(), meter(), new PassThrough({ highWaterMark: 2 ** 20 })];
      const path = join(work, `layer-${layers.length}`);
      const compression = compress ? [createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 6 } })] : [];
      const written = pipeline([source, plain.stream, ...compression, packed.stream, createWriteStream(path)]);
      await Promise.all([written, writeTar(entries, source).then(() => source.end())]);
      const [diff, blob] = [plain.result(), packed.result()];
      keep(path, blob.digest);
      layers.push({ mediaType: `application/vnd.oci.image.layer.v1.tar${compress ? '+zstd' : ''}`, digest: blob.digest, size: blob.size, diff: diff.digest, name, bytes: diff.size });
    }
    const { config } = image;
    const configuration = json('application/vnd.oci.image.config.v1+json', {
      architecture: 'amd64', os: 'linux',
      config: {
        ...(config.user === undefined ? {} : { User: config.user }),
        Env: Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...config.environment }).map(([key, value]) => `${key}=${value}`),
        Entrypoint: config.entrypoint,
        ...(config.labels === undefined ? {} : { Labels: config.labels }),
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diff }) => diff) },
      history: layers.map(({ name }) => ({ created_by: name })),
    });
    const manifest = json('application/vnd.oci.image.manifest.v1+json', {
      schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config: configuration,
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    });
    const index = JSON.stringify({
      schemaVersion: 2,
      manifests: [{
        ...manifest, platform: { os: 'linux', architecture: 'amd64' },
        annotations: { 'io.containerd.image.name': image.name, 'org.opencontainers.image.ref.name': image.name.slice(image.name.lastIndexOf(':') + 1) },
      }],
    });
    const partial = join(work, 'image.tar');
    const stream = createWriteStream(partial);
    await writeTar([
      bytes('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })), bytes('index.json', index),
      ...[...blobs].map(([digest, path]) => file(`blobs/sha256/${digest}`, path)),
    ], stream);
    await new Promise<void>((resolve, reject) => stream.once('error', reject).end(resolve));
    renameSync(partial, out);
    return {
      digest: manifest.digest, layers: layers.map(({ name, bytes: size, size: compressed }) => ({ name, bytes: size, compressed })),
      bytes: layers.reduce((sum, layer) => sum + layer.bytes, 0), compressed: layers.reduce((sum, layer) => sum + layer.size, 0),
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
