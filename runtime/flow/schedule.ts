import { shiftTime } from './timeShift.ts';

/** Last noisy time of the SDE before the shift: the reference goes from here to 0 in one step without noise. */
const LAST_TIME = 0.04;

/** Times of the SDE sampler, steps + 1 of them: steps evenly spaced from 1 to 0.04, then 0, all shifted by the factor. */
export function sdeTimes(steps: number, factor: number): Float64Array {
  const times = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) times[i] = shiftTime(steps === 1 ? 1 : 1 + (LAST_TIME - 1) * i / (steps - 1), factor);
  return times;
}

/** Times of the ODE samplers, steps + 1 of them: evenly spaced from 1 to 0, shifted by the factor. */
export function odeTimes(steps: number, factor: number): Float64Array {
  return Float64Array.from({ length: steps + 1 }, (_, i) => shiftTime(1 - i / steps, factor));
}
