import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePictures } from './pictures.ts';

const emoji = (image: string, category: string, google = true): unknown => ({ image, short_name: image, category, has_img_google: google, extra: 1 });

test('pictures are grouped by category, in an order that does not depend on the list', () => {
  const list = [emoji('1f602.png', 'Smileys & Emotion'), emoji('1f1e6.png', 'Flags'), emoji('1f601.png', 'Smileys & Emotion')];
  const names = choosePictures(list).map((picture) => `${picture.category}/${picture.file}`);
  assert.deepEqual(names, ['flags/1f1e6.png', 'smileys-emotion/1f601.png', 'smileys-emotion/1f602.png']);
  assert.deepEqual(choosePictures(list.toReversed()), choosePictures(list));
});

test('components and emoji without a picture are left out', () => {
  assert.deepEqual(choosePictures([emoji('1f3fb.png', 'Component'), emoji('1f1e6.png', 'Flags', false)]), []);
});

test('a file name that leaves the folder is refused', () => {
  assert.throws(() => choosePictures([emoji('../../evil.png', 'Flags')]), /image/);
});
