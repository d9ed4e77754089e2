import * as z from 'zod';
import { toHalf } from '../safetensors/convert.ts';

/** Patches of the picture as latents: what the quickstart uses, nothing is downloaded or lost.
 *  A picture of side R becomes [3 P P, R / P, R / P]; channel of a patch = (colour P + row) P + column.
 *  Raw latent = level / 127.5 - 1, stored as half precision (an error of at most 1/32 of a level).
 *  Model space = (raw - shift) scale, of about unit variance over the data set. */
export const PixelTokenizer = z.strictObject({
  kind: z.literal('pixel'),
  patch: z.int().min(1).max(128).describe('P: side of a patch in pixels'),
  scale: z.number().gt(0).max(1e6).describe('Times this after shift is taken away: model space'),
  shift: z.number().min(-10).max(10).describe('Mean of the raw latents over the data set'),
});
export type PixelTokenizer = z.infer<typeof PixelTokenizer>;

/** [C, S, S] of pictures of a side; undefined if patches do not tile it. */
export function pixelLatentShape(side: number, patch: number): [number, number, number] | undefined {
  return side % patch === 0 ? [3 * patch * patch, side / patch, side / patch] : undefined;
}

/** Raw latents of the 256 levels, as half precision. */
const LEVELS = toHalf(Float32Array.from({ length: 256 }, (_, level) => level / 127.5 - 1));

/** Where each of the 3 R R levels of a picture [R, R, 3] goes in its latent [3 P P, R/P, R/P]. */
export function patchPlaces(side: number, patch: number): Int32Array {
  const cells = side / patch;
  const places = new Int32Array(side * side * 3);
  for (let y = 0, from = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let colour = 0; colour < 3; colour++) {
        const channel = (colour * patch + y % patch) * patch + x % patch;
        places[from++] = (channel * cells + Math.floor(y / patch)) * cells + Math.floor(x / patch);
      }
    }
  }
  return places;
}

/** Raw latents of a picture, half precision, into out from index at. rgb: [R, R, 3]; places: patchPlaces(R, P). */
export function encodePixels(rgb: Uint8Array, places: Int32Array, out: Uint16Array, at: number): void {
  for (let i = 0; i < places.length; i++) out[at + (places[i] as number)] = LEVELS[rgb[i] as number] as number;
}

/** Latents in model space [count, C, S, S] to values [count, 3, R, R] in about [-1, 1]. */
export function decodePixels(latents: Float64Array | Float32Array, count: number, side: number, { patch, scale, shift }: PixelTokenizer): Float32Array {
  const places = patchPlaces(side, patch);
  const area = side * side, size = 3 * area;
  const values = new Float32Array(count * size);
  for (let picture = 0; picture < count; picture++) {
    for (let pixel = 0, i = 0; pixel < area; pixel++) {
      for (let colour = 0; colour < 3; colour++, i++) {
        values[picture * size + colour * area + pixel] = (latents[picture * size + (places[i] as number)] as number) / scale + shift;
      }
    }
  }
  return values;
}

/** Levels [count, R, R, 3] of raw latents in half precision, the exact inverse of encodePixels. half: halfTable(). */
export function decodeHalves(raw: Uint16Array, count: number, side: number, patch: number, half: Float32Array): Uint8Array {
  const places = patchPlaces(side, patch);
  const levels = new Uint8Array(count * places.length);
  for (let picture = 0, at = 0; picture < count; picture++, at += places.length) {
    // Uint8Array wraps; a foreign data set may hold values out of range.
    for (let i = 0; i < places.length; i++) levels[at + i] = Math.min(255, Math.max(0, Math.round(((half[raw[at + (places[i] as number)] as number] as number) + 1) * 127.5)));
  }
  return levels;
}
