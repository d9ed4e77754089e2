import sharp from 'sharp';
import { PictureError } from './pictures.ts';

/** RGB [height, width, 3] as PNG; the same picture gives the same bytes. */
export async function encodePng(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return new Uint8Array(await sharp(rgb, { raw: { width, height, channels: 3 } }).png({ compressionLevel: 6, palette: false }).toBuffer());
}

/** A PNG as RGB [height, width, 3]. Throws BadPicture. name: for the message. */
export async function decodePng(bytes: Uint8Array, name: string): Promise<{ rgb: Uint8Array; width: number; height: number }> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: 2 ** 28, failOn: 'warning' }).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    return { rgb: new Uint8Array(data), width: info.width, height: info.height };
  } catch (cause) {
    throw new PictureError('BadPicture', `Cannot read picture "${name}": ${cause instanceof Error ? cause.message : String(cause)}. Delete it to have it drawn again`, { cause });
  }
}
