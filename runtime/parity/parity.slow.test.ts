import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runParity } from './index.ts';
import { readTensors } from './readTensors.ts';

// The fixtures that need minutes stand in fixtures.slow.test.ts.
const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));
const home = await mkdtemp(join(tmpdir(), 'srdit-parity-'));
after(() => rm(home, { recursive: true, force: true }));
let folders = 0;

async function parity(...dirs: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const code = await runParity(dirs, { out: (line) => lines.push(line), xla: false });
  return { code, text: lines.join('\n') };
}

/** A copy that can be changed. */
async function copyOf(name: string): Promise<string> {
  const folder = join(home, String(folders++), name);
  await cp(join(fixtures, name), folder, { recursive: true });
  return folder;
}

/** Adds to the first number of a tensor in a file of float32 or float64 tensors. */
async function change(path: string, tensor: string, by: number): Promise<void> {
  const bytes = await readFile(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const entry = (JSON.parse(bytes.toString('utf8', 8, start)) as Record<string, { dtype: string; data_offsets: [number, number] }>)[tensor];
  assert(entry !== undefined, tensor);
  const at = start + entry.data_offsets[0];
  if (entry.dtype === 'F64') bytes.writeDoubleLE(bytes.readDoubleLE(at) + by, at);
  else bytes.writeFloatLE(bytes.readFloatLE(at) + by, at);
  await writeFile(path, bytes);
}

for (const name of ['metrics', 'preprocess', 'model-tiny-p2']) {
  test(`${name} passes`, async () => {
    const { code, text } = await parity(join(fixtures, name));
    assert.equal(code, 0, text);
    assert.match(text, /^case +tensor +eager +compiled +tolerance/);
    assert.match(text, /, 0 over tolerance$/);
  });
}

test('one changed number of a network is found, and its tensor named', async () => {
  const folder = await copyOf('model-tiny-p2');
  const name = Object.keys(readTensors(join(folder, 'io.safetensors'))).find((key) => key === 'eval/out/v');
  assert(name !== undefined);
  await change(join(folder, 'io.safetensors'), name, 0.01);
  const { code, text } = await parity(folder);
  assert.equal(code, 1, text);
  assert.match(text, /eval .* v .* OVER$/m);
});

test('one changed pixel, one changed digest, one changed result are found', async () => {
  const pictures = await copyOf('preprocess');
  const manifest = join(pictures, 'manifest.json');
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('f159104e', 'f159104f'));
  const wrong = await parity(pictures);
  assert.equal(wrong.code, 1);
  assert.match(wrong.text, /sizes, digests: landscape_300x211__center-crop-dhariwal\.png.* OVER$/m);
});

const unreadable: Readonly<Record<string, readonly [prepare: () => Promise<string>, message: RegExp]>> = {
  'a folder that does not exist': [async () => join(home, 'nowhere'), /Cannot read fixture ".*nowhere".*Name a folder that holds manifest\.json/],
  'a folder without a manifest': [async () => home, /Cannot read fixture/],
  'a manifest that is no JSON': [async () => { const folder = await copyOf('metrics'); await writeFile(join(folder, 'manifest.json'), '{'); return folder; }, /Cannot read fixture/],
  'a manifest of something else': [async () => { const folder = await copyOf('metrics'); await writeFile(join(folder, 'manifest.json'), '{"a": 1}'); return folder; }, /Cannot tell what .* holds/],
  'a file that is cut off': [async () => { const folder = await copyOf('metrics'); const path = join(folder, 'features.safetensors'); await writeFile(path, (await readFile(path)).subarray(0, 9000)); return folder; }, /the file ends before it/],
  'a file that is missing': [async () => { const folder = await copyOf('metrics'); await rm(join(folder, 'kd.safetensors')); return folder; }, /Cannot read .*kd\.safetensors/],
};
for (const [name, [prepare, message]] of Object.entries(unreadable)) {
  test(`${name} ends with 64 and a sentence`, async () => {
    const { code, text } = await parity(await prepare());
    assert.equal(code, 64, text);
    assert.match(text, message);
  });
}

test('no folder ends with 64', async () => {
  assert.equal((await parity()).code, 64);
});
