import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decoderOf } from '../generate/decode.ts';
import { ModelConfigError } from '../model/config.ts';
import { previewPictures } from '../generate/pictures.ts';
import { halfTable } from '../safetensors/convert.ts';
import { decodeHalves, encodePixels, patchPlaces, pixelLatentShape } from './pixel.ts';

/** Every level, in every colour. */
const picture = (side: number): Uint8Array => Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 37 + Math.floor(i / 256)) & 255);

function encoded(rgb: Uint8Array, side: number, patch: number): Uint16Array {
  const raw = new Uint16Array(rgb.length);
  encodePixels(rgb, patchPlaces(side, patch), raw, 0);
  return raw;
}

for (const patch of [1, 2, 4, 16]) {
  test(`patches of ${patch}: a picture is its latents, and comes back from half precision and from model space level by level`, () => {
    const side = 16, rgb = picture(side);
    const raw = encoded(rgb, side, patch);
    assert.deepEqual(decodeHalves(raw, 1, side, patch, halfTable()), rgb);
    const [scale, shift] = [1.6, 0.4];
    const latents = Float64Array.from(raw, (bits) => Math.fround(((halfTable()[bits] as number) - shift) * scale));
    return decoderOf({ kind: 'pixel', patch, scale, shift }, { channels: 3 * patch * patch, latentSize: side / patch }).decode(latents, 1).then((values) => {
      assert.deepEqual(previewPictures(values.map((value) => (value + 1) / 2), 1, side).data, rgb);
    });
  });
}

test('a latent pixel holds the patch at its place: channel = (colour P + row) P + column', () => {
  const [side, patch] = [6, 2];
  assert.deepEqual(pixelLatentShape(side, patch), [12, 3, 3]);
  const raw = encoded(picture(side), side, patch);
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) for (let colour = 0; colour < 3; colour++) {
    const channel = (colour * patch + y % patch) * patch + x % patch;
    const level = ((halfTable()[raw[channel * 9 + Math.floor(y / patch) * 3 + Math.floor(x / patch)] as number] as number) + 1) * 127.5;
    assert.equal(Math.round(level), picture(side)[(y * side + x) * 3 + colour]);
  }
  assert.equal(pixelLatentShape(6, 4), undefined);
});

test('latents of pictures that were drawn, out of range, give the ends of the range', () => {
  assert.deepEqual([...decodeHalves(Uint16Array.of(0x4000, 0xc000, 0x7e00), 1, 1, 1, halfTable())], [255, 0, 0]);
});

const wrong: Record<string, [unknown, RegExp]> = {
  'no tokenizer': [undefined, /the tokenizer is not named, only "pixel" can be used/],
  'another kind': [{ kind: 'invae' }, /the tokenizer "invae" is not known/],
  'no scale': [{ kind: 'pixel', patch: 2, shift: 0 }, /the tokenizer's "scale" is wrong/],
  'a scale of zero': [{ kind: 'pixel', patch: 2, scale: 0, shift: 0 }, /"scale" is wrong/],
  'patches of another size': [{ kind: 'pixel', patch: 4, scale: 1, shift: 0 }, /latents of 12 channels .* patches of 4x4 pixels have 48/],
};
for (const [title, [tokenizer, message]] of Object.entries(wrong)) {
  test(`decoder, ${title}: refused with a sentence`, () => {
    assert.throws(() => decoderOf(tokenizer, { channels: 12, latentSize: 3 }), (error) => error instanceof ModelConfigError && message.test(error.message));
  });
}
