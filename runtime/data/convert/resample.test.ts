import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { decode } from './decode.ts';
import { resample, type Filter } from './resample.ts';
import { checkShaping, shaped, type Shaping } from './transforms.ts';

const input = new URL('../../parity/fixtures/preprocess/input/', import.meta.url);
const landscape = await decode(await readFile(new URL('landscape_300x211.png', input)));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What Pillow 11.0 made of landscape_300x211.png: sha256 of the RGB bytes. */
const pillow: readonly (readonly [Filter, width: number, height: number, sha256: string])[] = [
  ['box', 37, 91, '79a8f12bfa793e427aced2de87eae1e7f685b45851bdf88f759e71ae69267248'],
  ['box', 300, 100, 'edca1c2d7589d5c257b59de4471cdc0984be1673d2454cd587aa553f58f47b35'],
  ['box', 411, 320, '0e5cfb650abc993cd2e3e9e8f91a4d140a6cb848de9e2a541843f90dfa6e73be'],
  ['box', 64, 211, 'b5a15c4e3e80c93aaa5fb84d7b46219c5ea4abb0e134462f75bf5d704a232a35'],
  ['bicubic', 37, 91, '60e910e87734f08732e9ef4b8e355c2aa3201e1dd820ef3ab8a009d7c036dd0b'],
  ['bicubic', 300, 100, '557e00e351c111451a0550a77f27e1081f2fbf0ffd994e2408c55fd2dc616d42'],
  ['bicubic', 411, 320, '68014a0322615362974d3ddc87dcdda3af38dbee0a637a1837380263a1ffa33a'],
  ['bicubic', 64, 211, '47616ab0cd3d046646d407efe3619535f64180995512f336a0592d79a4bacb63'],
  ['lanczos', 37, 91, 'ef4596db8db3fe454c29e5be4e725c99ddd0b2703a836b0cc103e39497780966'],
  ['lanczos', 300, 100, '5984b03b0f59db5bdb4cf93ea5923ca3332cc08588cb9e2d7a6b13b42733279b'],
  ['lanczos', 411, 320, '9173490ae54ddeed2a5ede0b94e0aed60b5194c8ba2480e58518fbe4c01f8821'],
  ['lanczos', 64, 211, 'c738991e44adfe56eb7a4099c3aad29afe02e1e14b79c44cffed885b7ebc7b7a'],
];
for (const [filter, width, height, digest] of pillow) {
  test(`${filter} to ${width}x${height} gives Pillow's bytes`, () => {
    assert.equal(sha256(resample(landscape, width, height, filter).rgb), digest);
  });
}

test('a sliver that would be enlarged beyond all memory is refused', () => {
  assert.throws(() => resample({ width: 1, height: 2, rgb: new Uint8Array(6) }, 100_000, 100_000, 'bicubic'), /more than 178956970 pixels/);
});

// The other transforms are compared with the reference's pictures by the parity of preprocessing (parity/preprocess.ts).
const wide: readonly (readonly [width: number, height: number, sha256: string])[] = [
  [64, 32, '0fcf9809de25bde0c67a58d200a34f89467d2791c475d428783df5c73e3f9198'],
  [64, 45, 'b2d631ef360ada348826e64bfa9bebe2b3f3f79664d5c4039ce4952ce704d452'],
  [128, 64, '59288fd9774754dacc162a4506f0c75fea375a4c324117bf6724a713046e8f5c'],
];
for (const [width, height, digest] of wide) {
  test(`center-crop-wide to ${width}x${height} puts the reference's picture on a black square`, () => {
    const picture = shaped(landscape, { transform: 'center-crop-wide', resolution: { width, height } });
    assert(typeof picture !== 'string');
    assert.deepEqual([picture.width, picture.height, sha256(picture.rgb)], [width, width, digest]);
  });
}

test('center-crop-wide leaves out what is too low or too narrow', () => {
  assert.match(shaped(landscape, { transform: 'center-crop-wide', resolution: { width: 64, height: 46 } }) as string, /too small for 64x46/);
  assert.match(shaped(landscape, { transform: 'center-crop-wide', resolution: { width: 512, height: 256 } }) as string, /too small/);
});

const refused: Readonly<Record<string, readonly [Shaping, RegExp]>> = {
  'a transform without a size': [{ transform: 'center-crop' }, /--resolution 256x256/],
  'a size that is not square': [{ resolution: { width: 64, height: 32 } }, /must be square.*--resolution 64x64/],
  'a side that is no power of two': [{ transform: 'center-crop', resolution: { width: 100, height: 100 } }, /power of two.*128x128/],
  'a wide picture that is high': [{ transform: 'center-crop-wide', resolution: { width: 64, height: 128 } }, /at most 64/],
};
for (const [name, [shaping, message]] of Object.entries(refused)) {
  test(`${name} is refused`, () => { assert.throws(() => { checkShaping(shaping); }, message); });
}
