import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { decode } from '../data/convert/decode.ts';
import { convert } from '../data/convert/run.ts';
import { shaped, TRANSFORMS, type Shaping, type Transform } from '../data/convert/transforms.ts';
import { pictureGrid } from '../generate/grid.ts';
import { previewPictures } from '../generate/pictures.ts';
import type { Tolerance } from './compare.ts';
import { FixtureError, tensorOf, type Fixture } from './fixture.ts';
import type { Runner } from './runner.ts';

const Picture = z.object({ input: z.string(), transform: z.string(), shape: z.array(z.int().positive()).length(3), sha256_of_rgb_bytes: z.string() });
const PreprocessManifest = z.object({ expected: z.record(z.string(), Picture) });
const Converted = z.object({ shape: z.array(z.int()), sha256_of_rgb_bytes: z.string(), file_bytes: z.int() });
const ConvertRun = z.object({
  what: z.string(), source_tree: z.record(z.string(), z.string()), output: z.record(z.string(), Converted), dataset_json_text: z.string(),
});

/** "exact with Pillow-compatible fixed-point resampling", which ours is. */
const EQUAL: Tolerance = { kind: 'elements', abs: 0, rel: 0 };

/** preprocess: pictures through each transform, the preview grid of training, and one whole run of `data convert`. */
export async function checkPreprocess(fixture: Fixture, runner: Runner): Promise<void> {
  const { expected } = PreprocessManifest.parse(fixture.manifest);
  for (const [name, { input, transform, shape, sha256_of_rgb_bytes: digest }] of Object.entries(expected)) {
    const picture = shaped(await decode(await readFile(join(fixture.dir, 'input', input))), shapingOf(transform, shape));
    const want = await decode(await readFile(join(fixture.dir, 'expected', name)));
    runner.compareHost(transform, `pictures: ${name}`, typeof picture === 'string' ? [] : picture.rgb, want.rgb, EQUAL);
    runner.compareHost(transform, `sizes, digests: ${name}`, typeof picture === 'string' ? [] : [picture.height, picture.width, 3, ...bytesOf(sha256(picture.rgb))], [...shape, ...bytesOf(digest)], EQUAL);
  }
  const files = await readdir(fixture.dir);
  if (files.includes('grid.safetensors')) checkGrid(fixture, runner);
  if (files.includes('convert-run.json')) await checkRun(fixture, runner);
}

/** "center-crop", "none-64x64", "center-crop-wide-64x48"; without a size it is that of the picture expected. */
function shapingOf(text: string, [height, width]: readonly number[]): Shaping {
  const [, name = text, w, h] = /^(.*?)(?:-(\d+)x(\d+))?$/.exec(text) ?? [];
  return { transform: transformOf(name), resolution: { width: Number(w ?? width), height: Number(h ?? height) } };
}

function transformOf(name: string): Transform | undefined {
  const transform = TRANSFORMS.find((known) => known === name);
  if (transform === undefined && name !== 'none') throw new FixtureError(`The fixture names the transform "${name}", which is none of none, ${TRANSFORMS.join(', ')}`);
  return transform;
}

function checkGrid(fixture: Fixture, runner: Runner): void {
  const tensors = fixture.file('grid.safetensors');
  const { shape: [count = 0, , side = 0], data } = tensorOf(tensors, 'grid_in');
  const want = tensorOf(tensors, 'grid_out_u8');
  const { rgb, width, height } = pictureGrid(previewPictures(Float32Array.from(data), count, side));
  runner.compareHost('preview grid', 'height, width', [height, width, 3], want.shape, EQUAL);
  runner.compareHost('preview grid', 'picture', rgb, want.data, EQUAL);
}

/** Lays the source out, converts it, and looks at everything that is there then. */
async function checkRun(fixture: Fixture, runner: Runner): Promise<void> {
  const run = ConvertRun.parse(JSON.parse(await readFile(join(fixture.dir, 'convert-run.json'), 'utf8')));
  const [, width, height, name] = /(\d+)x(\d+), ([\w-]+)/.exec(run.what) ?? [];
  if (name === undefined) throw new FixtureError(`Cannot tell the settings of the convert run from "${run.what}": name size and transform, as "64x64, center-crop-dhariwal"`);
  const folder = await mkdtemp(join(tmpdir(), 'srdit-parity-'));
  try {
    for (const [path, origin] of Object.entries(run.source_tree)) {
      const target = join(folder, 'source', path);
      await mkdir(dirname(target), { recursive: true });
      // What is no picture is told in words: it only has to be there.
      if (origin.startsWith('input/')) await cp(join(fixture.dir, origin), target);
      else await writeFile(target, origin);
    }
    const made = join(folder, 'made');
    await convert({ source: join(folder, 'source'), destination: made, transform: transformOf(name), resolution: { width: Number(width), height: Number(height) }, workers: 2 });
    const files = (await readdir(made, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(made.length + 1)).sort();
    runner.compareHost('convert run', 'names of files', Buffer.from(files.join('\n')), Buffer.from([...Object.keys(run.output), 'dataset.json'].sort().join('\n')), EQUAL);
    for (const [file, want] of Object.entries(run.output)) {
      const bytes = await readFile(join(made, file));
      const { rgb, height: rows, width: columns } = await decode(bytes);
      runner.compareHost('convert run', `sizes, digests: ${file}`, [rows, columns, 3, bytes.length, ...bytesOf(sha256(rgb))], [...want.shape, want.file_bytes, ...bytesOf(want.sha256_of_rgb_bytes)], EQUAL);
    }
    const labels = (text: string): Buffer => Buffer.from(JSON.stringify((JSON.parse(text) as { labels: unknown }).labels));
    runner.compareHost('convert run', 'labels', labels(await readFile(join(made, 'dataset.json'), 'utf8')), labels(run.dataset_json_text), EQUAL);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
