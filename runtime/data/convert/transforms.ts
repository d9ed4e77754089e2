import { ConvertError, type Picture } from './picture.ts';
import { resample } from './resample.ts';

export const TRANSFORMS = ['center-crop-dhariwal', 'center-crop', 'center-crop-wide'] as const;
export type Transform = (typeof TRANSFORMS)[number];
export interface Size { readonly width: number; readonly height: number }

/** Without a transform pictures are resized to the resolution, or taken as they are. */
export interface Shaping { readonly transform?: Transform | undefined; readonly resolution?: Size | undefined }

/** The picture as it will be stored, or a sentence why this one is left out. */
export function shaped(picture: Picture, { transform, resolution }: Shaping): Picture | string {
  if (resolution === undefined) return picture;
  const { width, height } = resolution;
  switch (transform) {
    case undefined: return resample(picture, width, height, 'lanczos');
    case 'center-crop': return centerCrop(picture, width, height);
    case 'center-crop-wide': return centerCropWide(picture, width, height);
    case 'center-crop-dhariwal': return centerCropDhariwal(picture, width);
    default: return transform satisfies never;
  }
}

/** Settings that can never give square pictures whose side is a power of two, told before the first picture is read. */
export function checkShaping({ transform, resolution }: Shaping): void {
  if (resolution === undefined) {
    if (transform !== undefined) throw new ConvertError('BadSettings', `Cannot use transform "${transform}" without a size. Give --resolution, for example --resolution 256x256`);
    return;
  }
  const { width, height } = resolution;
  const flat = transform === 'center-crop-wide'; // it puts width x height pictures on a square
  if (!flat && width !== height) throw new ConvertError('BadSettings', `Cannot store pictures of ${width}x${height}: they must be square. Give --resolution ${width}x${width}${transform === undefined ? ', and --transform center-crop-dhariwal to crop' : ''}`);
  if (flat && height > width) throw new ConvertError('BadSettings', `Cannot put pictures of ${width}x${height} on a square of ${width}: transform "center-crop-wide" is for pictures that are wider than high. Give a height of at most ${width}`);
  if (!isPowerOfTwo(width)) throw new ConvertError('BadSettings', `Cannot store pictures of ${width}x${width}: the side must be a power of two. Give --resolution ${2 ** Math.round(Math.log2(width))}x${flat ? height : 2 ** Math.round(Math.log2(width))}`);
}

export const isPowerOfTwo = (side: number): boolean => side >= 1 && Number.isInteger(Math.log2(side));

/** ADM's (Dhariwal and Nichol 2021): halve by averaging while twice too large, then cubic, then the middle. */
function centerCropDhariwal(picture: Picture, side: number): Picture {
  let small = picture;
  while (Math.min(small.width, small.height) >= 2 * side) {
    small = resample(small, Math.floor(small.width / 2), Math.floor(small.height / 2), 'box');
  }
  const scale = side / Math.min(small.width, small.height);
  const fitted = resample(small, roundHalfEven(small.width * scale), roundHalfEven(small.height * scale), 'bicubic');
  return crop(fitted, Math.floor((fitted.width - side) / 2), Math.floor((fitted.height - side) / 2), side, side);
}

function centerCrop(picture: Picture, width: number, height: number): Picture {
  const side = Math.min(picture.width, picture.height);
  return resample(crop(picture, Math.floor((picture.width - side) / 2), Math.floor((picture.height - side) / 2), side, side), width, height, 'lanczos');
}

function centerCropWide(picture: Picture, width: number, height: number): Picture | string {
  const rows = roundHalfEven(width * picture.height / picture.width);
  if (picture.width < width || rows < height) return `it is ${picture.width}x${picture.height}, too small for ${width}x${height}`;
  const top = Math.floor((picture.height - rows) / 2);
  const middle = crop(picture, 0, top, picture.width, Math.floor((picture.height + rows) / 2) - top);
  const fitted = resample(middle, width, height, 'lanczos');
  const rgb = new Uint8Array(width * width * 3);
  rgb.set(fitted.rgb, Math.floor((width - height) / 2) * width * 3);
  return { width, height: width, rgb };
}

function crop({ rgb, width: inWidth }: Picture, left: number, top: number, width: number, height: number): Picture {
  const out = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * inWidth + left) * 3;
    out.set(rgb.subarray(start, start + width * 3), y * width * 3);
  }
  return { width, height, rgb: out };
}

/** As Python and numpy round: halves to the even neighbour. */
function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
