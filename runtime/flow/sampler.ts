import type { ObjectiveSpec, SamplerSpec } from '@srdit/crds';
import type { ModelConfig } from '../model/config.ts';
import { guidedVelocity } from './guidance.ts';
import type { Network, Velocity } from './network.ts';
import { pictureNoise, type NoiseKind, type NoiseSource } from './noise.ts';
import { odeTimes, sdeTimes } from './schedule.ts';
import { sdeStep } from './sde.ts';
import { shiftFactor } from './timeShift.ts';

export type GuidanceSpec = SamplerSpec['guidance'];

export interface SamplingOptions {
  readonly sampler: SamplerSpec;
  /** As in training: spec.objective.timeShift and .path. */
  readonly timeShift: ObjectiveSpec['timeShift'];
  readonly path: ObjectiveSpec['path'];
}

export interface SamplingRequest {
  /** Global indices of the pictures, 1 to network.batch of them: they key the noise. */
  readonly pictures: readonly number[];
  /** Class of each picture. */
  readonly labels: readonly number[];
  readonly seed: number;
  /** Default: pictureNoise(seed). */
  readonly noise?: NoiseSource;
}

/** State before a step, and once more after the last (step = steps, t = 0): x [network.batch, C, S, S] and the class state
 *  [network.batch, Z], of which the first pictures.length rows count. Valid during the call. */
export interface SamplingState { readonly step: number; readonly steps: number; readonly t: number; readonly x: Float64Array; readonly cls: Float64Array }
export type OnStep = (state: SamplingState) => void;

/** Draws pictures: latents in model space [pictures, C, S, S], row-major. The state is float64 on the host; the class state
 *  follows the same equations with its own noise and its own guidance and is dropped at the end.
 *  The network's batch is fixed, so a short request is filled up with its last picture. */
export async function sample(network: Network, config: ModelConfig, options: SamplingOptions, request: SamplingRequest, onStep?: OnStep): Promise<Float64Array> {
  const { pictures, labels } = request;
  if (pictures.length < 1 || pictures.length > network.batch || labels.length !== pictures.length) {
    throw new RangeError(`Cannot draw ${pictures.length} pictures with ${labels.length} labels: the network takes 1 to ${network.batch}, one label each`);
  }
  const { sampler, path } = options;
  const { steps, guidance } = sampler;
  const padded = <Value>(values: readonly Value[]): Value[] => Array.from({ length: network.batch }, (_, i) => values[Math.min(i, values.length - 1)] as Value);
  const all = padded(pictures);
  const classes = Int32Array.from(padded(labels));
  const latentSize = config.channels * config.latentSize ** 2;
  const source = request.noise ?? pictureNoise(request.seed);
  const draw = (step: number, kind: NoiseKind, width: number): Float64Array => {
    const out = new Float64Array(network.batch * width);
    if (width > 0) all.forEach((picture, i) => source(picture, step, kind, out.subarray(i * width, (i + 1) * width)));
    return out;
  };
  const evaluate = (x: Float64Array, cls: Float64Array, t: number): Promise<Velocity> => guidedVelocity(network, { x, cls, t, labels: classes }, guidance);

  const x = draw(0, 'latent', latentSize);
  const cls = draw(0, 'classToken', config.classTokenWidth);
  const factor = shiftFactor(config, options.timeShift);
  const times = sampler.kind === 'SDE' ? sdeTimes(steps, factor) : odeTimes(steps, factor);
  for (let i = 0; i < steps; i++) {
    const t = times[i] as number;
    const next = times[i + 1] as number;
    onStep?.({ step: i, steps, t, x, cls });
    const field = await evaluate(x, cls, t);
    if (sampler.kind === 'SDE') {
      const last = i === steps - 1;
      sdeStep(x, field.v, path, t, next - t, last ? undefined : draw(i + 1, 'latent', latentSize));
      sdeStep(cls, field.cls, path, t, next - t, last ? undefined : draw(i + 1, 'classToken', config.classTokenWidth));
    } else if (sampler.kind === 'Heun' && i < steps - 1) {
      const ahead = await evaluate(advanced(x, field.v, next - t), advanced(cls, field.cls, next - t), next);
      x.set(advanced(x, sum(field.v, ahead.v), (next - t) / 2));
      cls.set(advanced(cls, sum(field.cls, ahead.cls), (next - t) / 2));
    } else {
      // Euler; also Heun's last step: the velocity at t = 0 is never asked for.
      x.set(advanced(x, field.v, next - t));
      cls.set(advanced(cls, field.cls, next - t));
    }
  }
  onStep?.({ step: steps, steps, t: 0, x, cls });
  return x.slice(0, pictures.length * latentSize);
}

const advanced = (x: Float64Array, v: Float64Array, dt: number): Float64Array => x.map((value, i) => value + dt * (v[i] as number));
const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + (b[i] as number));
