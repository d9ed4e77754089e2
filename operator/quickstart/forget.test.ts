import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { layout } from '../local/files.ts';
import { lock } from '../local/lock.ts';
import { keyOf } from '../local/state.ts';
import { forget } from './forget.ts';
import { quickstartResources } from './resources.ts';

const { training, evaluation } = quickstartResources(fileURLToPath(new URL('../../examples/quickstart', import.meta.url)));
const quiet = { say: () => undefined, progress: () => undefined };

function places(): ReturnType<typeof layout> & Disposable {
  const root = mkdtempSync(join(tmpdir(), 'srdit-forget-'));
  return { ...layout(root), [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}
function write(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, '');
}

test('what a run left is removed, and nothing else', () => {
  using folder = places();
  const state = folder.state(keyOf(training.resource));
  const others = [join(folder.volumes, 'runs/other/owner.json'), join(folder.volumes, 'datasets/emoji/index.json'), join(folder.volumes, 'runs/emoji-evaluation/notes.txt')];
  const own = [state, join(folder.volumes, 'runs/emoji/attempts/1/claim'), join(folder.volumes, 'runs/emoji/owner.json'), join(folder.volumes, 'runs/emoji-evaluation/result.json')];
  for (const path of [...others, ...own]) write(path);
  forget([training.resource, evaluation.resource], folder, quiet);
  assert.deepEqual(others.map(existsSync), [true, true, true]);
  assert.deepEqual(own.map(existsSync), [false, false, false, false]);
  assert.deepEqual(readdirSync(join(folder.volumes, 'runs')).toSorted(), ['emoji-evaluation', 'other']);
});

test('a run that goes on is not forgotten, nor its companion', () => {
  using folder = places();
  using _held = lock(folder.lock(keyOf(evaluation.resource))) as Disposable;
  const state = folder.state(keyOf(training.resource));
  write(state);
  assert.throws(() => forget([training.resource, evaluation.resource], folder, quiet), /runs SRDiTEvaluation "emoji"/);
  assert.ok(existsSync(state));
});

test('what lies in a bucket is not touched', () => {
  using folder = places();
  const away = { ...training.resource, spec: { ...training.resource.spec, storage: { uri: 'gs://bucket/run' } } };
  assert.throws(() => forget([away], folder, quiet), /writes to "gs:\/\/bucket\/run".*Empty it yourself/);
});
