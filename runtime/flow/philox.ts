/** Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) on the host: a pure function
 *  of key and counter, so any part of a stream can be drawn anywhere, in any order, with the same bits. */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of a product of 32-bit words, whatever their sign. Halves of sixteen bits: every sum stays exact. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const cross = Math.imul(aLow, bHigh) >>> 0;
  const middle = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16) + (cross & 0xffff);
  // At most (2^16 - 1)^2 + 2 (2^16 - 1) < 2^32, so a shift takes its high part.
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/** One block: four words from a counter of four words and a key of two, into out. */
export function philox4x32(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = mulHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A stream: key [2 x uint32] and the high words of the counter [2 x uint32] name it, the low words count in it. */
export class Philox {
  readonly #words = new Uint32Array(4);
  readonly #key: readonly [number, number];
  readonly #stream: readonly [number, number];
  #counter = 0;

  constructor(key: readonly [number, number], stream: readonly [number, number]) {
    this.#key = [key[0] | 0, key[1] | 0];
    this.#stream = [stream[0] | 0, stream[1] | 0];
  }

  /** Draws the next four words; they hold until the next call. */
  next(): Uint32Array {
    philox4x32(this.#words, this.#counter | 0, Math.floor(this.#counter / 2 ** 32) | 0, this.#stream[0], this.#stream[1], this.#key[0], this.#key[1]);
    this.#counter++;
    return this.#words;
  }

  /** Fills with uniforms of [low, high): 24 random bits each, exact in float32. */
  uniforms<Values extends Float32Array | Float64Array>(out: Values, low = 0, high = 1): Values {
    for (let i = 0; i < out.length; i += 4) {
      const words = this.next();
      for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = low + (high - low) * (((words[j] ?? 0) >>> 8) * 2 ** -24);
    }
    return out;
  }

  /** Fills with normals of mean 0: Box-Muller in float64 on uniforms of 32 bits (tails reach 6.6 deviations). V8 computes
   *  log, sin and cos in software, so the bits are the same on every machine. */
  normals<Values extends Float32Array | Float64Array>(out: Values, deviation = 1): Values {
    for (let i = 0; i < out.length; i += 4) {
      const words = this.next();
      for (let pair = 0; pair < 4 && i + pair < out.length; pair += 2) {
        // (0, 1]: the logarithm must exist.
        const radius = deviation * Math.sqrt(-2 * Math.log(((words[pair] as number) + 1) * 2 ** -32));
        const angle = (words[pair + 1] as number) * (2 * Math.PI * 2 ** -32);
        out[i + pair] = radius * Math.cos(angle);
        // Past the end of a typed array a write is ignored.
        out[i + pair + 1] = radius * Math.sin(angle);
      }
    }
    return out;
  }
}
