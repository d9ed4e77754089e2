import type { SamplingOptions, SamplingRequest } from '../flow/sampler.ts';
import { sample } from '../flow/sampler.ts';
import type { Network } from '../flow/network.ts';
import { drawnLabel } from '../flow/noise.ts';
import type { Gang } from '../engine/types.ts';
import type { Engine } from '../engine/types.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Decoder } from './decode.ts';
import type { FinishedPictures } from './finished.ts';
import { generatedPictures, type Pictures } from './pictures.ts';
import { missingBatches, rankOf } from './share.ts';

/** A compiled network with all that turns noise into pictures. */
export interface Generator {
  readonly network: Network;
  readonly config: ModelConfig;
  readonly sampling: SamplingOptions;
  readonly decoder: Decoder;
}

export interface PictureSeries {
  /** Pictures of the whole series have the indices 0..count-1. */
  readonly count: number;
  readonly seed: number;
  /** Picture g is of class g mod classes; false: of a class drawn from (seed, g). */
  readonly balancedLabels: boolean;
}

/** Class of a picture. */
export const labelOf = (series: Pick<PictureSeries, 'seed' | 'balancedLabels'>, index: number, classes: number): number =>
  series.balancedLabels ? index % classes : drawnLabel(series.seed, index, classes);

/** Draws the pictures with these indices (at most network.batch). Which others are drawn with them, where and when makes
 *  no difference beyond rounding. Throws PictureError. */
export async function drawPictures(generator: Generator, series: Omit<PictureSeries, 'count'>, indices: readonly number[]): Promise<Pictures> {
  const { network, config, sampling, decoder } = generator;
  const request: SamplingRequest = { pictures: indices, labels: indices.map((index) => labelOf(series, index, config.numClasses)), seed: series.seed };
  const latents = await sample(network, config, sampling, request);
  return generatedPictures(await decoder.decode(latents, indices.length), indices.length, decoder.side);
}

export interface GenerateProgress {
  /** Pictures finished on all ranks. */
  readonly pictures: number;
  /** Of these, drawn by this call. */
  readonly drawn: number;
}

/** Draws what is missing of a series, this rank's share of it, with all ranks of the gang. Finished pictures are verified
 *  and kept. Ranks meet after every batch and so agree on when to stop. Returns false if one was asked to stop. */
export async function generateSeries(
  generator: Generator, series: PictureSeries, finished: FinishedPictures, gang: Gang, engine: Engine,
  hooks: { readonly stopRequested?: () => boolean; readonly onProgress?: (progress: GenerateProgress) => void } = {},
): Promise<boolean> {
  const { batch } = generator.network;
  const { rank, world } = gang;
  const kept = await finished.verify((index) => index < series.count && rankOf(index, batch, world) === rank);
  const batches = missingBatches(series.count, batch, rank, world, kept);
  let drawn = 0;
  for (let round = 0; ; round++) {
    const [stop, left, have, drawnByAll] = await sumOverRanks(engine, gang, [
      hooks.stopRequested?.() === true ? 1 : 0, batches.length - Math.min(round, batches.length), kept.size + drawn, drawn,
    ]) as [number, number, number, number];
    hooks.onProgress?.({ pictures: have, drawn: drawnByAll });
    if (left === 0) return true;
    if (stop > 0) return false;
    const indices = batches[round];
    if (indices === undefined) continue; // done here; others are not
    await finished.save(indices, await drawPictures(generator, series, indices));
    drawn += indices.length;
  }
}

/** Sum over ranks of a few integers below 2^31. */
export async function sumOverRanks(engine: Engine, gang: Gang, values: readonly number[]): Promise<number[]> {
  if (gang.world === 1) return [...values];
  using own = engine.tensor(Float64Array.from(values), [values.length], 'float64');
  const [total] = await gang.allReduce([own], 'sum');
  if (total === undefined) throw new TypeError('An all-reduce of one tensor gave none');
  using held = total;
  return Array.from(held.data() as Float64Array);
}
