import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BUCKET } from './testing/backends.ts';
import { bringEmulator, startEmulator } from './testing/emulator.ts';

const { program, missing } = await bringEmulator();
const MEGABYTES = 200;

test('an object of 200 MB passes through a process that holds a fraction of it', { skip: missing ?? false }, async () => {
  const root = await mkdtemp(join(tmpdir(), 'srdit-storage-'));
  try {
    await using emulator = await startEmulator(program ?? '', root);
    await emulator.createBucket(BUCKET);
    const script = `const { openStorage } = await import(${JSON.stringify(join(import.meta.dirname, 'open.ts'))});
      const storage = openStorage('gs://${BUCKET}/memory');
      let most = 0;
      let looks = 0;
      const look = (every) => { if (looks++ % every === 0) { gc(); most = Math.max(most, process.memoryUsage().arrayBuffers); } };
      async function* source() { for (let i = 0; i < ${MEGABYTES}; i++) { look(1); yield new Uint8Array(1e6).fill(i); } }
      const { bytes } = await storage.write('large', source());
      const up = most;
      most = 0;
      let read = 0;
      for await (const piece of storage.readStream('large')) { look(20); read += piece.length; }
      console.log(JSON.stringify({ bytes, up, read, down: most }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], { env: { ...process.env, STORAGE_EMULATOR_HOST: emulator.url } });
    const { bytes, up, read, down } = JSON.parse(stdout) as Record<string, number>;
    assert.deepEqual([bytes, read], [MEGABYTES * 1e6, MEGABYTES * 1e6]);
    // Two parts of 16 MiB and the piece that comes next; of what is read a few pieces, besides what the writing left.
    assert.ok((up ?? NaN) < 50e6, `${up} bytes were held while writing`);
    assert.ok((down ?? NaN) < 50e6, `${down} bytes were held while reading`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
