import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { packDataset } from '../../data/pack.ts';
import { encodePng } from '../../generate/png.ts';
import { openStorage } from '../../storage/open.ts';

export const TEST_PICTURES = 48;

/** For tests: 48 pictures of 8x8 pixels in 3 classes (red, green or blue ramps), packed in patches of 2x2: latents [12, 4, 4]. */
export async function packTestData(folder: string): Promise<void> {
  const pictures = await mkdtemp(join(tmpdir(), 'srdit-pictures-'));
  try {
    const from = openStorage('file:///', { SRDIT_FILE_ROOT: pictures });
    const labels: [string, number][] = [];
    for (let i = 0; i < TEST_PICTURES; i++) {
      const rgb = new Uint8Array(8 * 8 * 3);
      for (let at = 0; at < 64; at++) rgb[at * 3 + (i % 3)] = 60 + ((at % 8) * 20 + i) % 190;
      const name = `00000/img${String(i).padStart(8, '0')}.png`;
      await from.write(name, await encodePng(rgb, 8, 8));
      labels.push([name, i % 3]);
    }
    await from.write('dataset.json', new TextEncoder().encode(JSON.stringify({ labels, classes: ['red', 'green', 'blue'] })));
    await packDataset(from, openStorage(`file:///${basename(folder)}`, { SRDIT_FILE_ROOT: dirname(folder) }), { patch: 2, shardRows: 20 });
  } finally {
    await rm(pictures, { recursive: true, force: true });
  }
}
