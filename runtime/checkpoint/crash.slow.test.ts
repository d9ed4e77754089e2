import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { initialParameters } from '../model/parameters.ts';
import type { Storage } from '../storage/storage.ts';
import { backendsForTests, type Place } from '../storage/testing/backends.ts';
import { FaultProxy } from '../storage/testing/fault-proxy.ts';
import { knownCheckpoints } from './list.ts';
import { readNewest } from './read.ts';
import { CRASH_MODEL } from './testing.ts';

const ATTEMPT = join(import.meta.dirname, 'crash.test-attempt.ts');
const never = (error: Error): never => { throw error; };

interface Ended { readonly killed: boolean; readonly points: number; readonly step: number }
interface Running { kill(): void; readonly writing: Promise<void>; readonly ended: Promise<Ended> }

/** Starts the n-th attempt of a training as a process. point: where it kills itself. */
function start(uri: string, environment: Place['environment'], attempt: number, point = -1): Running {
  const child = spawn(process.execPath, [ATTEMPT, uri, String(attempt), String(point)], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let complained = '';
  let begun: () => void = () => undefined;
  const writing = new Promise<void>((resolve) => { begun = resolve; });
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString();
    if (said.includes('writing\n')) begun();
  });
  child.stderr.on('data', (piece: Buffer) => { complained += piece.toString(); });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('close', (code, signal) => {
      begun();
      if (signal === 'SIGKILL') resolve({ killed: true, points: 0, step: 0 });
      else if (code === 0) resolve({ killed: false, ...JSON.parse(said.trim().split('\n').at(-1) ?? '') as { points: number; step: number } });
      else reject(new Error(`attempt ${attempt} ended with exit code ${code}: ${complained}`));
    });
  });
  return { kill: () => { child.kill('SIGKILL'); }, writing, ended };
}

/** Whatever has happened: every checkpoint with a manifest is whole, and the newest is `least` or a later step. Returns its step. */
async function sound(storage: Storage, least: number, when: string): Promise<number> {
  const known = await knownCheckpoints(storage, never);
  for (const { path, manifest } of known) {
    for (const file of manifest.files) {
      const bytes = await storage.read(`${path}/${file.name}`);
      assert.equal(createHash('sha256').update(bytes).digest('hex'), file.sha256, `${path}/${file.name} ${when}`);
    }
  }
  const newest = await readNewest(storage, never);
  assert.ok(newest !== undefined && newest.known.step >= least, `the checkpoint of step ${least} is still there ${when}`);
  const { step } = newest.known;
  assert.deepEqual(newest.model['blocks.1.attn.qkv.weight'], initialParameters(CRASH_MODEL, step)['blocks.1.attn.qkv.weight'], when);
  return step;
}

/** About `count` numbers from 0 to end, the last `tail` of them one by one: that is where a checkpoint becomes complete and old ones go. */
function spread(end: number, count: number, tail: number): number[] {
  const first = Math.max(0, end - tail);
  const stride = Math.max(1, first / Math.max(1, count - tail));
  return [...new Set([...Array.from({ length: Math.ceil(first / stride) }, (_, i) => Math.floor(i * stride)), ...Array.from({ length: end - first }, (_, i) => first + i)])];
}

for (const backend of await backendsForTests()) {
  const { name, skip } = backend;
  test(`${name} killed at any point of a checkpoint, the next attempt finds a whole one`, { skip }, async () => {
    const { storage, environment } = await backend.place();
    let attempt = 1;
    // Two checkpoints first, so that writing the third one also retains.
    for (; attempt <= 3; attempt++) await start(storage.uri, environment, attempt).ended;
    const { points } = await start(storage.uri, environment, attempt++).ended;
    assert.ok(points >= 50, `${points} points`);
    // Of gs:// the requests are the finer points: below.
    const at = name === 'gs://' ? spread(points, 25, 12) : spread(points, 54, 30);
    let step = await sound(storage, 4, 'before any kill');
    assert.ok(at.length >= 25);
    for (const point of at) {
      const { killed } = await start(storage.uri, environment, attempt++, point).ended;
      assert.ok(killed, `an attempt killed itself at point ${point} of ${points}`);
      step = await sound(storage, step, `after a kill at point ${point} of ${points}`);
    }
    const last = await start(storage.uri, environment, attempt).ended;
    assert.equal(last.step, step + 1);
    assert.deepEqual((await knownCheckpoints(storage, never)).map((known) => known.step), [step + 1, step]);
    const left = (await storage.list('attempts')).filter(({ path }) => path.includes('/checkpoints/')).length;
    assert.equal(left, 8, 'what dead attempts began is gone: two checkpoints of four files are left');
  });

  test(`${name} killed at any moment, the next attempt finds a whole one`, { skip }, async () => {
    const { storage, environment } = await backend.place();
    let attempt = 1;
    const first = start(storage.uri, environment, attempt++);
    await first.writing;
    const from = performance.now();
    await first.ended;
    const span = Math.max(20, performance.now() - from);
    let step = await sound(storage, 1, 'before any kill');
    for (let i = 0; i < 10; i++) {
      const running = start(storage.uri, environment, attempt++);
      await running.writing;
      await sleep(span * (i / 10));
      running.kill();
      await running.ended;
      step = await sound(storage, step, `after a kill at about ${i} tenths of a write`);
    }
  });

  if (name !== 'gs://') continue;
  test(`${name} killed at any request, before or after the store has acted on it, the next attempt finds a whole one`, { skip }, async () => {
    const { storage, environment } = await backend.place();
    await using proxy = await FaultProxy.start(environment['STORAGE_EMULATOR_HOST'] ?? '');
    const through = { STORAGE_EMULATOR_HOST: proxy.url };
    let attempt = 1;
    for (; attempt <= 3; attempt++) await start(storage.uri, through, attempt).ended;
    const before = proxy.seen.length;
    await start(storage.uri, through, attempt++).ended;
    const requests = proxy.seen.length - before;
    let step = await sound(storage, 4, 'before any kill');
    let kills = 0;
    for (const request of spread(requests, 54, 30)) {
      const running = start(storage.uri, through, attempt++);
      const from = proxy.seen.length;
      let hit = false;
      proxy.fault = ({ index }) => {
        if (index - from !== request) return undefined;
        hit = true;
        running.kill();
        return request % 2 === 0 ? { kind: 'reset' } : { kind: 'reset', done: true };
      };
      const { killed } = await running.ended;
      // Less was left to remove, say: then it came to its end, and that is no kill.
      assert.equal(killed, hit);
      if (killed) kills += 1;
      step = await sound(storage, step, `after a kill at request ${request} of ${requests}`);
    }
    assert.ok(kills >= 50, `${kills} kills`);
  });
}
