import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sighting } from './pods.ts';
import { restartsOf, spread } from './restart-times.ts';

/** `A0 running`: pod of worker 0 of attempt A (1 for A, 2 for B). */
const story = (...lines: readonly string[]): Sighting[] => lines.map((line) => {
  const [time, pod = '', what = ''] = line.split(' ');
  const code = /^exit(\d+)$/.exec(what)?.[1];
  return {
    time: Number(time), run: 'r', attempt: pod.startsWith('A') ? 1 : 2, pod, phase: what === 'running' ? 'Running' : 'Pending', ended: code !== undefined || what === 'gone',
    ...(code !== undefined && { exitCode: Number(code) }),
  };
});
const A = ['100 A0 created', '101 A1 created', '200 A0 running', '210 A1 running'];
const B = ['1800 B0 created', '1850 B1 created', '2600 B1 running', '2700 B0 running'];

test('a restart counts from the first pod that was seen to have failed, and is told by the exit code of the one that did so by itself', () => {
  assert.deepEqual(restartsOf(story(...A, '1000 A0 exit76', '1400 A1 exit137', ...B), 2), [{ run: 'r', attempt: 2, exitCode: 137, ended: 400, created: 850, running: 1700 }]);
  assert.deepEqual(restartsOf(story(...A, '1000 A1 exit2', '1300 A0 gone', '1500 A1 gone', ...B), 2), [{ run: 'r', attempt: 2, exitCode: 2, ended: 300, created: 850, running: 1700 }]);
});

test('what has not restarted yet, or without a failure, is none', () => {
  const lost = [...A, '1000 A0 exit1', '1100 A1 exit76'];
  for (const seen of [A, lost, [...lost, B[0] ?? ''], [...lost, ...B.slice(0, 3)], [...A, ...B]]) assert.deepEqual(restartsOf(story(...seen), 2), []);
});

test('the spread of times is in seconds', () => {
  assert.equal(spread(Array.from({ length: 100 }, (_, index) => 10 * (100 - index))), 'p50 0.50 s, p95 0.95 s, most 1.00 s');
  assert.equal(spread([1234]), 'p50 1.23 s, p95 1.23 s, most 1.23 s');
});
