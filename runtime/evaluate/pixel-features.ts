import type { Pictures } from '../generate/pictures.ts';
import { EvaluateError, type Rows } from './rows.ts';

/** Features of kind `pixels`: the picture scaled down to size x size, 3 channels, values in [0, 1]: [count, size² x 3].
 *  Each feature is the mean over its share of the picture, pixels on a border counted by the part that is inside.
 *  They need no download and see colour and coarse shape only; their Fréchet distance is no FID. */
export function pixelFeatures(pictures: Pictures, size: number): Rows {
  const { count, side, data } = pictures;
  if (size > side) {
    throw new EvaluateError('BadPictures', `Cannot scale pictures of ${side}x${side} down to ${size}x${size}. Set spec.features.size to at most ${side}`);
  }
  const shares = areaShares(side, size);
  const columns = size * size * 3;
  const out = new Float32Array(count * columns);
  // Rows first, then columns; both sums in float64.
  const narrow = new Float64Array(side * size * 3);
  for (let picture = 0; picture < count; picture++) {
    const base = picture * side * side * 3;
    narrow.fill(0);
    for (let y = 0; y < side; y++) {
      for (const { to, from, weight } of shares) {
        for (let channel = 0; channel < 3; channel++) {
          const at = (y * size + to) * 3 + channel;
          narrow[at] = (narrow[at] as number) + weight * (data[base + (y * side + from) * 3 + channel] as number);
        }
      }
    }
    for (let x = 0; x < size * 3; x++) {
      const sums = new Float64Array(size);
      for (const { to, from, weight } of shares) sums[to] = (sums[to] as number) + weight * (narrow[from * size * 3 + x] as number);
      sums.forEach((sum, y) => { out[picture * columns + y * size * 3 + x] = sum / 255; });
    }
  }
  return { rows: count, columns, data: out };
}

/** Part of each source pixel in each target pixel, along one axis: weights of a target sum to 1. */
function areaShares(side: number, size: number): { to: number; from: number; weight: number }[] {
  const shares = [];
  for (let to = 0; to < size; to++) {
    const start = (to * side) / size;
    const end = ((to + 1) * side) / size;
    for (let from = Math.floor(start); from < Math.min(side, Math.ceil(end)); from++) {
      const weight = ((Math.min(end, from + 1) - Math.max(start, from)) * size) / side;
      if (weight > 1e-12) shares.push({ to, from, weight });
    }
  }
  return shares;
}
