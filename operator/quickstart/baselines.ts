import { createHash } from 'node:crypto';
import type { Manifest } from '@srdit/runtime/checkpoint/manifest.ts';
import type { Engine } from '@srdit/runtime/engine/index.ts';
import { measurePictures, type Measured, type Measurement } from '@srdit/runtime/evaluate/measure.ts';
import { dataReference } from '@srdit/runtime/evaluate/reference.ts';
import { pictureNoise } from '@srdit/runtime/flow/noise.ts';
import { decoderOf } from '@srdit/runtime/generate/decode.ts';
import { FinishedPictures } from '@srdit/runtime/generate/finished.ts';
import { generateSeries } from '@srdit/runtime/generate/generate.ts';
import { openGenerator } from '@srdit/runtime/generate/generator.ts';
import { generatedPictures, type Pictures } from '@srdit/runtime/generate/pictures.ts';
import { initialParameters } from '@srdit/runtime/model/parameters.ts';
import type { Storage } from '@srdit/runtime/storage/storage.ts';
import type { Evaluation } from './resources.ts';

/** What is known of a set of pictures; precision and recall are absent where they cannot be computed. */
export type Numbers = Pick<Measurement, 'frechetDistance' | 'precision' | 'recall' | 'count' | 'referenceCount'>;

/** What the trained model has to be better than. */
export interface Baselines { readonly noise: Numbers; readonly untrained: Numbers }

export interface BaselineInput {
  readonly engine: Engine;
  /** Of the trained model: its configuration, path and tokenizer. */
  readonly manifest: Manifest;
  /** Its evaluation: the baselines get the same sampler, labels, noise and count. */
  readonly spec: Evaluation['spec'];
  /** Packed data set to compare with. */
  readonly data: Storage;
  /** Where drawn pictures and the numbers are kept. */
  readonly storage: Storage;
  readonly onProgress: (picture: number, of: number) => void;
}

const FILE = 'baselines.json';
const CHUNK = 64;

/** Measures pure noise (standard normal latents, decoded) and the model before its first step, exactly as the trained model
 *  was measured. A SiT begins with an output layer of zeros: its first velocity is 0, so an ODE sampler leaves the noise
 *  as it is, and both come out alike. Numbers that are there already are read. */
export async function measureBaselines({ engine, manifest, spec, data, storage, onProgress }: BaselineInput): Promise<Baselines> {
  const { model, objective, tokenizer, seed } = manifest;
  const settings = { model, objective, tokenizer, seed, sampler: spec.sampler, pictures: [spec.seed, spec.count, spec.balancedLabels], features: spec.features, neighbours: spec.neighbours, data: manifest.data.digest };
  const key = createHash('sha256').update(JSON.stringify(settings)).digest('hex');
  const known = await earlier(storage, key);
  if (known !== undefined) return known;

  const decoder = decoderOf(tokenizer, model);
  const reference = await dataReference(data, spec.features.size);
  const measured = (pictures: AsyncIterable<Pictures>): Promise<Numbers> => numbersOf(pictures, reference, spec);

  const noise = await measured((async function* () {
    const source = pictureNoise(spec.seed);
    const width = model.channels * model.latentSize ** 2;
    for (let first = 0; first < spec.count; first += CHUNK) {
      const count = Math.min(CHUNK, spec.count - first);
      const latents = new Float64Array(count * width);
      for (let i = 0; i < count; i++) source(first + i, 0, 'latent', latents.subarray(i * width, (i + 1) * width));
      yield generatedPictures(await decoder.decode(latents, count), count, decoder.side);
    }
  })());

  const drawn = storage.at('untrained');
  const finished = new FinishedPictures(drawn, settings);
  {
    await using gang = await engine.joinGang({ rank: 0, addresses: ['127.0.0.1:0'] });
    using generator = openGenerator(engine, {
      config: model, weights: initialParameters(model, seed), decoder, batch: Math.min(spec.batchSize, spec.count),
      sampling: { sampler: spec.sampler, timeShift: objective.timeShift, path: objective.path },
    });
    await generateSeries(generator, spec, finished, gang, engine, { onProgress: ({ pictures }) => onProgress(pictures, spec.count) });
  }
  const untrained = await measured((async function* () {
    for (let first = 0; first < spec.count; first += CHUNK) yield await finished.read(first, Math.min(CHUNK, spec.count - first), decoder.side);
  })());
  const baselines: Baselines = { noise, untrained };
  await storage.write(FILE, new TextEncoder().encode(`${JSON.stringify({ key, baselines }, undefined, 1)}\n`));
  return baselines;
}

async function earlier(storage: Storage, key: string): Promise<Baselines | undefined> {
  if (!await storage.exists(FILE)) return undefined;
  try {
    const kept = JSON.parse(new TextDecoder().decode(await storage.read(FILE, { limitBytes: 2 ** 20 }))) as { key: string; baselines: Baselines };
    return kept.key === key ? kept.baselines : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // measured again
    throw error;
  }
}

async function numbersOf(pictures: AsyncIterable<Pictures>, reference: Measured, spec: Evaluation['spec']): Promise<Numbers> {
  const { frechetDistance, precision, recall, count, referenceCount } = await measurePictures(pictures, reference, { size: spec.features.size, neighbours: spec.neighbours });
  return { frechetDistance, count, referenceCount, ...(precision !== undefined && { precision }), ...(recall !== undefined && { recall }) };
}
