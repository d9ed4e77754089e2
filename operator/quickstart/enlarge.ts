/** RGB [height, width, 3] with every pixel as a square of `factor` pixels: 32x32 pictures are too small to look at. */
export function enlarge({ rgb, width, height }: { readonly rgb: Uint8Array; readonly width: number; readonly height: number }, factor: number): { rgb: Uint8Array; width: number; height: number } {
  const wide = width * factor;
  const out = new Uint8Array(wide * height * factor * 3);
  for (let y = 0; y < height; y++) {
    const row = out.subarray(y * factor * wide * 3, (y * factor + 1) * wide * 3);
    for (let x = 0; x < width; x++) {
      const pixel = rgb.subarray((y * width + x) * 3, (y * width + x + 1) * 3);
      for (let i = 0; i < factor; i++) row.set(pixel, (x * factor + i) * 3);
    }
    for (let i = 1; i < factor; i++) out.copyWithin((y * factor + i) * wide * 3, y * factor * wide * 3, (y * factor + 1) * wide * 3);
  }
  return { rgb: out, width: wide, height: height * factor };
}
