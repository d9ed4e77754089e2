import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LastWord } from '@srdit/crds';
import { parseResource } from '@srdit/crds/parse';
import type { Script } from './testing/scripted-rank.ts';

const here = (file: string): string => fileURLToPath(new URL(`testing/${file}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'srdit-worker-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const training = parseResource({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name: 't' },
  spec: {
    model: { preset: 'SiT-S/1', classToken: false }, objective: { alignment: { enabled: false } }, batchSize: 8, steps: 60,
    data: { uri: 'file:///data', teacherFeatures: false }, storage: { uri: 'file:///runs/t' }, gang: { ranksPerWorker: 2 },
  },
});
const run = JSON.stringify({ kind: 'SRDiTTraining', namespace: 'default', name: 't', uid: 'u', generation: 1, attempt: 1, spec: training.spec });

/** A launcher of two ranks; `heard` is called with its output so far. */
function launch(ranks: readonly Script[], heard: (output: string, worker: ReturnType<typeof spawn>) => void = () => {}) {
  const terminationLog = join(folder, `word-${Math.random()}`);
  const worker = spawn(process.execPath, [here('launch.ts'), here('scripted-rank.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env, SRDIT_RUN: run, SRDIT_WORKER: '0', SRDIT_ADDRESSES: '127.0.0.1:1,127.0.0.1:2', SRDIT_TERMINATION_LOG: terminationLog,
      SRDIT_LOG: 'text', SRDIT_PARENT_PIPE: '1', SRDIT_TEST_RANKS: JSON.stringify(ranks),
    },
  });
  let output = '';
  worker.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; heard(output, worker); });
  return new Promise<{ code: number | null; output: string; word: LastWord | undefined }>((resolve) => {
    worker.once('close', (code) => {
      let word: LastWord | undefined;
      try { word = LastWord.parse(JSON.parse(readFileSync(terminationLog, 'utf8'))); } catch { /* it ended without one */ }
      resolve({ code, output, word });
    });
  });
}

const cases: Record<string, { ranks: readonly Script[]; code: number; rank: number }> = {
  'both done': { ranks: [{ end: 0 }, { end: 0, after: 200 }], code: 0, rank: 0 },
  'a killed rank is the cause, and one that cannot notice is told': { ranks: [{ onTerm: 75 }, { end: 'SIGKILL', after: 300 }], code: 137, rank: 1 },
  'a crash is the cause, not the crash of a survivor': { ranks: [{ onTerm: 1 }, { end: 3, after: 300 }], code: 3, rank: 1 },
  'a peer of another worker was lost: no rank here was told to stop': { ranks: [{ end: 76, after: 300 }, { onTerm: 75 }], code: 76, rank: 0 },
  'a wrong configuration ends the gang at once': { ranks: [{ end: 64, after: 300 }, { onTerm: 75 }], code: 64, rank: 0 },
  // Were the slow one sent away, it would end with 1.
  'stopped together, the one that still writes a checkpoint is left alone': { ranks: [{ end: 75, after: 1500, onTerm: 1 }, { end: 75 }], code: 75, rank: 0 },
};
for (const [name, { ranks, code, rank }] of Object.entries(cases)) {
  test(`worker: ${name}`, async () => {
    const ended = await launch(ranks);
    assert.deepEqual([ended.code, ended.word?.exitCode, ended.word?.rank], [code, code, rank], ended.output);
    assert.match(ended.output, new RegExp(`^\\[rank ${rank}\\] Rank ${rank} has begun$`, 'm'));
  });
}

const bothBegun = (output: string): boolean => output.includes('Rank 0 has begun') && output.includes('Rank 1 has begun');

test('worker: TERM reaches every rank', async () => {
  let told = false;
  const ended = await launch([{ onTerm: 75 }, { onTerm: 75 }], (output, worker) => {
    if (told || !bothBegun(output)) return;
    told = true;
    worker.kill('SIGTERM');
  });
  assert.deepEqual([ended.code, ended.word?.step], [75, 11]);
});

test('worker: when its parent is gone it ends with its ranks', async () => {
  const ended = await launch([{}, {}], (output, worker) => { if (bothBegun(output)) worker.stdin?.end(); });
  assert.equal(ended.code, 75);
  assert.match(ended.output, /is gone: ending/);
});

test('worker: a wrong environment is told in the last word', async () => {
  const terminationLog = join(folder, 'wrong');
  const worker = spawn(process.execPath, [here('launch.ts')], { stdio: 'ignore', env: { PATH: process.env['PATH'], SRDIT_TERMINATION_LOG: terminationLog } });
  const code = await new Promise((resolve) => worker.once('exit', resolve));
  const word = LastWord.parse(JSON.parse(readFileSync(terminationLog, 'utf8')));
  assert.deepEqual([code, word.exitCode], [64, 64]);
  assert.match(word.message, /environment variable SRDIT_RUN is missing/);
});
