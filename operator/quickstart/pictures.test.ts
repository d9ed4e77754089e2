import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bringPictures, choosePictures } from './pictures.ts';

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

test('without a registry nothing is left behind, and the sentence says what to do', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'srdit-pictures-'));
  const before = { ...process.env };
  // A port that nobody answers; npm's own settings come through the environment.
  Object.assign(process.env, { npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' });
  try {
    await assert.rejects(bringPictures(fileURLToPath(new URL('../../examples/quickstart', import.meta.url)), { cache }),
      /^MissingError: Cannot bring the pictures .*ECONNREFUSED.*Connect this machine to an npm registry/);
    const [home = ''] = readdirSync(cache).filter((name) => name.startsWith('pictures-'));
    assert.deepEqual(readdirSync(join(cache, home)), []);
  } finally {
    process.env = before;
    rmSync(cache, { recursive: true, force: true });
  }
});
