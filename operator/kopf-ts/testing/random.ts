/** Random numbers that a seed repeats. */
import type { Random } from '../clock.ts';

/** Uniform in [0, 1), by a 32-bit counter that is hashed (splitmix32): good enough for choosing faults. */
export function seeded(seed: number): Random {
  let counter = seed | 0;
  return () => {
    counter = (counter + 0x9e3779b9) | 0;
    let z = counter ^ (counter >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** A whole number in [0, n). */
export const below = (random: Random, n: number): number => Math.floor(random() * n);

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T;
}
