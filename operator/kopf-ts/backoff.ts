/** Delays that double up to a bound, with jitter, so that many who failed together do not come back together. */
import type { Random } from './clock.ts';

export interface BackoffOptions {
  /** First delay, milliseconds. */
  readonly base: number;
  /** Longest delay, milliseconds. */
  readonly max: number;
}

/** The delay after the given number of failures in a row (1 = the first): uniform in the upper half of min(max, base 2^(failures - 1)). */
export function backoffDelay({ base, max }: BackoffOptions, failures: number, random: Random): number {
  const whole = Math.min(max, base * 2 ** (failures - 1));
  return whole * (0.5 + 0.5 * random());
}

/** Counts the failures in a row of one thing. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #failures = 0;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  next(): number {
    this.#failures += 1;
    return backoffDelay(this.#options, this.#failures, this.#random);
  }

  reset(): void {
    this.#failures = 0;
  }
}
