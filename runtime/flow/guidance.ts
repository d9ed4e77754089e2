import type { GuidanceSpec } from './sampler.ts';
import type { Network, NetworkInput, Velocity } from './network.ts';

/** Whether a network evaluation at (shifted) time t is guided: both ends of the interval belong to it (guidance interval,
 *  Kynkäänniemi et al., arXiv 2404.07724). */
export const guidanceActive = ({ scale, low, high }: GuidanceSpec, t: number): boolean => scale > 1 && low <= t && t <= high;

/** The velocity that a sampler follows: the conditional one, or inside the guidance interval
 *  unconditional + scale (conditional - unconditional), for the class token with a scale of its own (0 = conditional alone). */
export async function guidedVelocity(network: Network, input: NetworkInput, guidance: GuidanceSpec): Promise<Velocity> {
  if (!guidanceActive(guidance, input.t)) return network.conditional(input);
  const { conditional, unconditional } = await network.guided(input);
  return {
    v: extrapolated(unconditional.v, conditional.v, guidance.scale),
    cls: guidance.classTokenScale > 0 ? extrapolated(unconditional.cls, conditional.cls, guidance.classTokenScale) : conditional.cls,
  };
}

function extrapolated(from: Float64Array, to: Float64Array, scale: number): Float64Array {
  return from.map((value, i) => value + scale * ((to[i] as number) - value));
}
