/** MT19937 (Matsumoto, Nishimura 1998) as numpy's legacy RandomState(seed) drives it: dgm-eval draws its subsets with it,
 *  and the same subsets give the same score. */
export class Mersenne {
  readonly #state = new Uint32Array(624);
  #at = 624;

  constructor(seed: number) {
    let value = seed >>> 0;
    for (let i = 0; i < 624; i++) {
      this.#state[i] = value;
      value = (Math.imul(1812433253, value ^ (value >>> 30)) + i + 1) >>> 0;
    }
  }

  /** A uniform 32-bit word. */
  next(): number {
    if (this.#at === 624) this.#refill();
    let y = this.#state[this.#at++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A uniform integer of 0..max: words masked to max's bits, those above max thrown away. */
  below(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.next() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** The first `take` entries of a permutation of 0..count-1: numpy's choice(count, take, replace=False). */
  choice(count: number, take: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i);
      const held = order[i] as number;
      order[i] = order[j] as number;
      order[j] = held;
    }
    return order.slice(0, take);
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % 624] as number) & 0x7fffffff);
      state[i] = (state[(i + 397) % 624] as number) ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df);
    }
    this.#at = 0;
  }
}
