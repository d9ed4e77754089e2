import { headWidth, patchCount, tokenCount, type ModelConfig } from './config.ts';

/** Position table [T, h], float64 arithmetic stored as float32. A row is [E(column), E(row)], column first,
 *  E(s) = [sin(s w_k).., cos(s w_k)..], w_k = 10000^(-k/q), q = h/4. The class token's row is zero. */
export function positionTable(config: ModelConfig): Float32Array {
  const { hiddenSize: h, latentSize, patchSize } = config;
  const grid = latentSize / patchSize;
  const quarter = h / 4;
  const table = new Float32Array(tokenCount(config) * h);
  let at = config.classTokenWidth > 0 ? h : 0;
  for (let row = 0; row < grid; row++) {
    for (let column = 0; column < grid; column++) {
      for (const position of [column, row]) {
        for (let k = 0; k < quarter; k++) {
          const angle = position * 10000 ** (-k / quarter);
          table[at + k] = Math.sin(angle);
          table[at + quarter + k] = Math.cos(angle);
        }
        at += 2 * quarter;
      }
    }
  }
  return table;
}

/** Rotary tables [N, e]: the first half of the head turns with the row, the second with the column, by
 *  position x 10000^(-2k/d), d = e/2; each angle stands twice in a row, for the interleaved pair (2k, 2k+1). */
export function rotaryTable(config: ModelConfig): { cos: Float32Array; sin: Float32Array } {
  const e = headWidth(config);
  const half = e / 2;
  const grid = config.latentSize / config.patchSize;
  const cos = new Float32Array(patchCount(config) * e);
  const sin = new Float32Array(cos.length);
  for (let n = 0; n < patchCount(config); n++) {
    for (let i = 0; i < e; i++) {
      const position = i < half ? Math.floor(n / grid) : n % grid;
      const angle = Math.fround(position * Math.fround(10000 ** (-2 * Math.floor((i % half) / 2) / half)));
      cos[n * e + i] = Math.cos(angle);
      sin[n * e + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Half the width of the time table. */
export const TIME_FREQUENCIES = 128;

/** Frequencies of the time embedding, exp(-ln(10000) k / 128), every step rounded to float32 as in the reference: the exponent's
 *  rounding alone changes a frequency by up to 4e-7. */
export function timeFrequencies(): Float32Array {
  const rate = Math.fround(-Math.log(10000));
  return Float32Array.from({ length: TIME_FREQUENCIES }, (_, k) => Math.exp(Math.fround(rate * k) / TIME_FREQUENCIES));
}

/** Time table [B, 256] on the host: [cos(t f).., sin(t f)..], every step rounded to float32 as in the reference, also
 *  when the network itself runs in float64. t is not multiplied by 1000 (a quirk of the reference that we keep). */
export function timeTable(times: ArrayLike<number>): Float32Array {
  const frequencies = timeFrequencies();
  const width = 2 * TIME_FREQUENCIES;
  const table = new Float32Array(times.length * width);
  for (let b = 0; b < times.length; b++) {
    for (const [k, frequency] of frequencies.entries()) {
      const angle = Math.fround(Math.fround(times[b] ?? 0) * frequency);
      table[b * width + k] = Math.cos(angle);
      table[b * width + TIME_FREQUENCIES + k] = Math.sin(angle);
    }
  }
  return table;
}
