import sharp from 'sharp';

/** A picture as RGB [height, width, 3]. Throws Error for what is no whole picture. */
export async function readPicture(bytes: Uint8Array): Promise<{ rgb: Uint8Array; width: number; height: number }> {
  const { data, info } = await sharp(bytes, { limitInputPixels: 2 ** 28, failOn: 'truncated' }).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`it has ${info.channels} channels instead of 3`);
  return { rgb: data, width: info.width, height: info.height };
}
