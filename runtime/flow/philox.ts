/** Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) on the host: a pure function
 *  of key and counter, so any part of a stream can be drawn anywhere, in any order, with the same bits. */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of a 32 x 32 bit product. Sixteen-bit halves: every partial product is exact in a double. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  // middle is below 2^33, so its high part needs a division rather than a shift.
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** A stream: key [2 x uint32] and the high words of the counter [2 x uint32] name it, the low words count in it. */
export class Philox {
  /** The four words drawn last. */
  readonly words = new Uint32Array(4);
  readonly #key: readonly [number, number];
  readonly #stream: readonly [number, number];
  #counter = 0;

  constructor(key: readonly [number, number], stream: readonly [number, number]) {
    this.#key = [key[0] >>> 0, key[1] >>> 0];
    this.#stream = [stream[0] >>> 0, stream[1] >>> 0];
  }

  /** Draws the next four words. */
  next(): Uint32Array {
    let k0 = this.#key[0];
    let k1 = this.#key[1];
    let c0 = this.#counter >>> 0;
    let c1 = Math.floor(this.#counter / 2 ** 32);
    let c2 = this.#stream[0];
    let c3 = this.#stream[1];
    this.#counter++;
    for (let round = 0; round < 10; round++) {
      const high0 = mulHigh(MULTIPLIER_0, c0);
      const low0 = Math.imul(MULTIPLIER_0, c0);
      const high1 = mulHigh(MULTIPLIER_1, c2);
      const low1 = Math.imul(MULTIPLIER_1, c2);
      c0 = (high1 ^ c1 ^ k0) >>> 0;
      c1 = low1 >>> 0;
      c2 = (high0 ^ c3 ^ k1) >>> 0;
      c3 = low0 >>> 0;
      k0 = (k0 + WEYL_0) >>> 0;
      k1 = (k1 + WEYL_1) >>> 0;
    }
    const words = this.words;
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
    return words;
  }

  /** Fills with uniforms of [low, high): 24 random bits each, exact in float32. */
  uniforms<Values extends Float32Array | Float64Array>(out: Values, low = 0, high = 1): Values {
    for (let i = 0; i < out.length; i += 4) {
      const words = this.next();
      for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = low + (high - low) * (((words[j] ?? 0) >>> 8) * 2 ** -24);
    }
    return out;
  }

  /** Fills with normals of mean 0 (Box-Muller in float64; uniforms of 53 bits, so tails reach 8.5 deviations). */
  normals<Values extends Float32Array | Float64Array>(out: Values, deviation = 1): Values {
    for (let i = 0; i < out.length; i += 2) {
      const words = this.next();
      // (0, 1]: the logarithm must exist.
      const first = 1 - ((words[0] ?? 0) * 2 ** 21 + ((words[1] ?? 0) >>> 11)) * 2 ** -53;
      const second = ((words[2] ?? 0) * 2 ** 21 + ((words[3] ?? 0) >>> 11)) * 2 ** -53;
      const radius = deviation * Math.sqrt(-2 * Math.log(first));
      out[i] = radius * Math.cos(2 * Math.PI * second);
      if (i + 1 < out.length) out[i + 1] = radius * Math.sin(2 * Math.PI * second);
    }
    return out;
  }
}
