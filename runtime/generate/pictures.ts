/** Pictures of one size: [count, side, side, 3], 8 bits a channel, RGB. */
export interface Pictures {
  readonly count: number;
  readonly side: number;
  readonly data: Uint8Array;
}

/** Pictures that cannot be drawn, written or read. The message says what, why and how to mend. */
export class PictureError extends Error {
  override readonly name = 'PictureError';
  readonly code: 'BadPicture' | 'NotFinite';
  constructor(code: PictureError['code'], message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}

/** Picture i of several; shares their memory. */
export function pictureAt(pictures: Pictures, i: number): Uint8Array {
  const bytes = pictures.side * pictures.side * 3;
  return pictures.data.subarray(i * bytes, (i + 1) * bytes);
}

/** What a generated picture is made of: decoded values [count, 3, side, side] in about [-1, 1] -> 255 (x + 1) / 2, clamped
 *  and truncated (the reference's generate), in float32 as there. Throws NotFinite. */
export const generatedPictures = (decoded: Float32Array, count: number, side: number): Pictures =>
  toPictures(decoded, count, side, (value) => Math.fround(255 * Math.fround(Math.fround(value + 1) / 2)));

/** What a preview is made of: values [count, 3, side, side] in [0, 1] -> 255 x + 0.5, clamped and truncated, that is
 *  rounded (the reference's preview). Throws NotFinite. */
export const previewPictures = (values: Float32Array, count: number, side: number): Pictures =>
  toPictures(values, count, side, (value) => Math.fround(Math.fround(255 * Math.min(1, Math.max(0, value))) + 0.5));

function toPictures(values: Float32Array, count: number, side: number, level: (value: number) => number): Pictures {
  const area = side * side;
  if (values.length !== count * 3 * area) {
    throw new PictureError('BadPicture', `Cannot make ${count} pictures of ${side}x${side} of ${values.length} values: that takes ${count * 3 * area}. Pass [count, 3, side, side]`);
  }
  const data = new Uint8Array(values.length);
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < 3; channel++) {
      for (let p = 0; p < area; p++) {
        const value = level(values[(i * 3 + channel) * area + p] as number);
        if (Number.isNaN(value)) throw new PictureError('NotFinite', `Cannot make picture ${i} of the batch: it holds NaN. The weights have diverged; take an earlier checkpoint`);
        data[(i * area + p) * 3 + channel] = Math.min(255, Math.max(0, value));
      }
    }
  }
  return { count, side, data };
}
