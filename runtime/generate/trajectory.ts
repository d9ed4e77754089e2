import { sample } from '../flow/sampler.ts';
import { labelOf, type Generator, type PictureSeries } from './generate.ts';
import { generatedPictures, type Pictures } from './pictures.ts';

/** Sampler steps at which a trajectory is looked at: the first state (noise), the last (the picture), evenly between. */
export function frameSteps(steps: number, frames: number): number[] {
  return Array.from({ length: frames }, (_, i) => Math.round((i * steps) / Math.max(1, frames - 1)));
}

/** Sampling from noise to picture, looked at `frames` times: pictures [indices.length x frames], the frames of a picture one
 *  after the other, so that a grid of `frames` columns shows one picture a row. States are decoded as they are. */
export async function drawTrajectories(
  generator: Generator, series: Omit<PictureSeries, 'count'>, indices: readonly number[], frames = 8,
): Promise<Pictures> {
  const { network, config, sampling, decoder } = generator;
  const at = frameSteps(sampling.sampler.steps, frames);
  const latentSize = config.channels * config.latentSize ** 2;
  const states = new Map<number, Float64Array>();
  const labels = indices.map((index) => labelOf(series, index, config.numClasses));
  await sample(network, config, sampling, { pictures: indices, labels, seed: series.seed }, ({ step, x }) => {
    if (at.includes(step)) states.set(step, x.slice(0, indices.length * latentSize));
  });
  const bytes = decoder.side ** 2 * 3;
  const data = new Uint8Array(indices.length * frames * bytes);
  for (const [frame, step] of at.entries()) {
    const state = states.get(step);
    if (state === undefined) throw new RangeError(`The sampler reported no state at step ${step} of ${sampling.sampler.steps}`);
    const decoded = generatedPictures(await decoder.decode(state, indices.length), indices.length, decoder.side);
    for (let i = 0; i < indices.length; i++) data.set(decoded.data.subarray(i * bytes, (i + 1) * bytes), (i * frames + frame) * bytes);
  }
  return { count: indices.length * frames, side: decoder.side, data };
}
