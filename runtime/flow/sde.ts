import type { Path } from './interpolant.ts';

/** Diffusion coefficient of the reverse SDE. The reference uses 2t on both paths. */
export const diffusion = (t: number): number => 2 * t;

/** score = velocityFactor v + stateFactor x at time t: (rho v - x) / (sigma^2 - rho sigma' sigma), rho = alpha / alpha'
 *  (SiT, arXiv 2401.08740, section 2). t > 0. */
export function scoreFactors(path: Path, t: number): { velocity: number; state: number } {
  if (path === 'linear') return { velocity: -(1 - t) / t, state: -1 / t };
  const alpha = Math.cos(Math.PI * t / 2);
  const sigma = Math.sin(Math.PI * t / 2);
  const rho = alpha / (-Math.PI / 2 * sigma);
  const variance = sigma ** 2 - rho * (Math.PI / 2 * alpha) * sigma;
  return { velocity: rho / variance, state: -1 / variance };
}

/** One Euler-Maruyama step of the reverse SDE, in place: x + (v - D/2 score) dt + sqrt(D |dt|) noise.
 *  noise: absent in the last step. */
export function sdeStep(x: Float64Array, v: Float64Array, path: Path, t: number, dt: number, noise?: Float64Array): void {
  const score = scoreFactors(path, t);
  const half = diffusion(t) / 2;
  const spread = Math.sqrt(diffusion(t) * Math.abs(dt));
  for (let i = 0; i < x.length; i++) {
    const state = x[i] as number;
    const speed = v[i] as number;
    const drift = speed - half * (score.velocity * speed + score.state * state);
    x[i] = state + drift * dt + (noise === undefined ? 0 : spread * (noise[i] as number));
  }
}
