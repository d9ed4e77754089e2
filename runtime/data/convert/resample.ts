import { MAX_PIXELS, type Picture } from './picture.ts';

/** Filters by the names Pillow gives them. support: half width at scale 1, in pixels. */
const FILTERS = {
  box: { support: 0.5, at: (x: number) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bicubic: { support: 2, at: bicubic },
  lanczos: { support: 3, at: (x: number) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const;
export type Filter = keyof typeof FILTERS;

/** Keys' cubic with a = -1/2. */
function bicubic(signed: number): number {
  const a = -0.5;
  const x = Math.abs(signed);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Fixed point: weights are whole multiples of 2^-22, so that a sum of 255 times weights stays below 2^31. */
const BITS = 22;
const HALF = 1 << (BITS - 1);

/** For each output pixel: where its input begins, how many pixels, and their weights (stride `widest`). */
interface Taps { readonly from: Int32Array; readonly count: Int32Array; readonly weights: Int32Array; readonly widest: number }

function taps(inSize: number, outSize: number, filter: Filter): Taps {
  const { support: radius, at } = FILTERS[filter];
  const scale = inSize / outSize;
  // Enlarging does not narrow the filter.
  const filterScale = Math.max(scale, 1);
  const support = radius * filterScale;
  const widest = Math.ceil(support) * 2 + 1;
  const from = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * widest);
  const exact = new Float64Array(widest);
  const inverse = 1 / filterScale;
  for (let i = 0; i < outSize; i++) {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const many = Math.min(inSize, Math.trunc(centre + support + 0.5)) - low;
    let sum = 0;
    for (let j = 0; j < many; j++) sum += exact[j] = at((j + low - centre + 0.5) * inverse);
    for (let j = 0; j < many; j++) {
      const weight = (exact[j] as number) / (sum === 0 ? 1 : sum) * (1 << BITS);
      weights[i * widest + j] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5); // halves away from zero
    }
    from[i] = low;
    count[i] = many;
  }
  return { from, count, weights, widest };
}

/** Resizes as Pillow does, to the bit: columns first, rounded to 8 bit, then rows; an axis whose size stays is left alone. */
export function resample(picture: Picture, width: number, height: number, filter: Filter): Picture {
  // A sliver of 1x100000 pixels would be enlarged beyond all memory.
  if (width * height > MAX_PIXELS) throw new RangeError(`resizing ${picture.width}x${picture.height} gives ${width}x${height}, more than ${MAX_PIXELS} pixels`);
  const across = picture.width === width ? picture : { width, height: picture.height, rgb: columns(picture, width, filter) };
  return across.height === height ? across : { width, height, rgb: rows(across, height, filter) };
}

const clamped = (sum: number): number => {
  const value = sum >> BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
};

function columns({ rgb, width: inWidth, height }: Picture, width: number, filter: Filter): Uint8Array {
  const { from, count, weights, widest } = taps(inWidth, width, filter);
  const out = new Uint8Array(width * height * 3);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row = y * inWidth;
    for (let x = 0; x < width; x++) {
      let red = HALF, green = HALF, blue = HALF;
      let p = (row + (from[x] as number)) * 3;
      const end = x * widest + (count[x] as number);
      for (let k = x * widest; k < end; k++, p += 3) {
        const weight = weights[k] as number;
        red += weight * (rgb[p] as number);
        green += weight * (rgb[p + 1] as number);
        blue += weight * (rgb[p + 2] as number);
      }
      out[o++] = clamped(red);
      out[o++] = clamped(green);
      out[o++] = clamped(blue);
    }
  }
  return out;
}

function rows({ rgb, width, height: inHeight }: Picture, height: number, filter: Filter): Uint8Array {
  const { from, count, weights, widest } = taps(inHeight, height, filter);
  const stride = width * 3;
  const out = new Uint8Array(stride * height);
  const sums = new Float64Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(HALF);
    // Row by row of the input, which lies in memory in this order.
    for (let j = 0; j < (count[y] as number); j++) {
      const weight = weights[y * widest + j] as number;
      const row = ((from[y] as number) + j) * stride;
      for (let i = 0; i < stride; i++) (sums[i] as number) += weight * (rgb[row + i] as number);
    }
    for (let i = 0; i < stride; i++) out[y * stride + i] = clamped(sums[i] as number);
  }
  return out;
}
