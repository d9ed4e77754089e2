import sharp, { type Metadata, type Sharp } from 'sharp';
import { MAX_PIXELS, type Picture } from './picture.ts';

/** RGB, as transparent pixels are laid on it. */
export type Background = readonly [red: number, green: number, blue: number];

const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif', 'jp2']);

/** Decodes as Pillow's convert('RGB') does: grey is replicated, palettes are looked up, 16 bit keep their high byte, no colour profile,
 *  gamma or orientation is applied. Alpha is dropped, or the picture is laid on `background`. Throws for what is no whole picture. */
export async function decode(bytes: Uint8Array, background?: Background): Promise<Picture> {
  // Warnings (stray bytes between JPEG markers) are no error for Pillow, a picture that ends early is.
  const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error', ignoreIcc: true });
  const metadata = await image.metadata();
  if (!FORMATS.has(metadata.format)) throw new Error(`${metadata.format} is not a format of pictures that can be converted`);
  if (metadata.space === 'cmyk') return fromCmyk(await pixels(image.pipelineColourspace('cmyk').toColourspace('cmyk').raw()));
  if (isGrey16(metadata, bytes)) return fromGrey16(await pixels(image.toColourspace('grey16').raw({ depth: 'ushort' })));
  return fromBytes(await pixels(image.toColourspace('srgb').raw()), background);
}

interface Pixels extends Omit<Picture, 'rgb'> { readonly data: Buffer; readonly channels: number }

async function pixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

function fromBytes({ data, width, height, channels }: Pixels, background: Background | undefined): Picture {
  if (channels === 3) return { width, height, rgb: data };
  const rgb = new Uint8Array(width * height * 3);
  const alphaAt = channels === 4 ? 3 : channels === 2 ? 1 : undefined;
  const colours = channels >= 3 ? 1 : 0; // grey: each colour is the first channel
  for (let i = 0, p = 0; i < rgb.length; i += 3, p += channels) {
    const alpha = background === undefined || alphaAt === undefined ? 255 : data[p + alphaAt] as number;
    for (let c = 0; c < 3; c++) {
      const value = data[p + c * colours] as number;
      rgb[i + c] = alpha === 255 ? value : Math.round((value * alpha + ((background?.[c]) ?? 0) * (255 - alpha)) / 255);
    }
  }
  return { width, height, rgb };
}

/** Pillow opens grey of 16 bits without alpha as its mode "I;16" and clips it instead of taking the high byte, so most such
 *  pictures turn white. The reference inherits that, and we keep it. libvips counts a PNG's transparent colour as a channel. */
function isGrey16({ space, channels, format }: Metadata, bytes: Uint8Array): boolean {
  const pngColourType = bytes[25];
  return space === 'grey16' && (channels === 1 || (format === 'png' && pngColourType === 0));
}

function fromGrey16({ data, width, height, channels }: Pixels): Picture {
  const words = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, p = 0; i < rgb.length; i += 3, p += channels) rgb.fill(Math.min(255, words[p] as number), i, i + 3);
  return { width, height, rgb };
}

/** Without profiles: (1 - colour) (1 - black), each product rounded as Pillow does. A few pictures of ImageNet are CMYK. */
function fromCmyk({ data, width, height }: Pixels): Picture {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, p = 0; i < rgb.length; i += 3, p += 4) {
    const light = 255 - (data[p + 3] as number);
    for (let c = 0; c < 3; c++) {
      const product = (data[p + c] as number) * light + 128;
      rgb[i + c] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return { width, height, rgb };
}
