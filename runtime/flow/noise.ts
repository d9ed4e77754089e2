import { Philox } from './philox.ts';

/** What a noise is for: a state of its own each, so class token and latent never share numbers. */
export type NoiseKind = 'latent' | 'classToken' | 'label';

/** Standard normals for one picture at one step, filled into `out`. Step 0 is the initial state, step i + 1 the noise
 *  that the sampler adds in its step i. */
export type NoiseSource = (picture: number, step: number, kind: NoiseKind, out: Float64Array) => void;

const STREAM: Readonly<Record<NoiseKind, number>> = { latent: 0, classToken: 1, label: 2 };

/** Noise keyed by (seed, picture index, step): a picture does not depend on the batch it is drawn in, on the number of
 *  ranks, or on the machine. Philox key (seed, picture), counter (position, 0, step, kind). */
export function pictureNoise(seed: number): NoiseSource {
  return (picture, step, kind, out) => {
    new Philox([seed, picture], [step, STREAM[kind]]).normals(out);
  };
}

/** Labels drawn from the seed, one a picture, each of 0..classes-1 equally likely. */
export function drawnLabel(seed: number, picture: number, classes: number): number {
  const [value] = new Philox([seed, picture], [0, STREAM.label]).uniforms(new Float64Array(1));
  return Math.floor((value ?? 0) * classes);
}
