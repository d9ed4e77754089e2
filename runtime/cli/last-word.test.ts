import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LastWord } from '@srdit/crds';
import { StorageError } from '../storage/storage.ts';
import { ExitError } from './exit.ts';
import { encodeLastWord, LIMIT_BYTES, tellWorker, wordOfDone, wordOfError } from './last-word.ts';

const word = (exitCode: number, rank: number, more: Partial<LastWord> = {}): LastWord => ({ exitCode, reason: 'Any', message: 'Any', rank, ...more });

const choices = {
  'all done': { codes: [0, 0], want: [0, 0] },
  'a wrong configuration explains lost peers': { codes: [76, 64], want: [64, 1] },
  'divergence explains stopped ranks': { codes: [75, 65, 76], want: [65, 1] },
  'stopped before lost': { codes: [76, 75], want: [75, 1] },
  'a crash is told before everything': { codes: [64, 137, 76], want: [137, 1] },
  'one failure among done ranks': { codes: [0, 76], want: [76, 1] },
};
for (const [name, { codes, want }] of Object.entries(choices)) {
  test(`last word of a worker: ${name}`, () => {
    const told = tellWorker(codes.map((code, rank) => word(code, rank)));
    assert.deepEqual([told.exitCode, told.rank], want);
  });
}

test('the worker repeats step and checkpoint of the rank that knows them', () => {
  const checkpoint = { step: 7, uri: 'file:///a/attempts/1/checkpoints/000000007', bytes: 1, digest: 'd' };
  const told = tellWorker([word(76, 0, { step: 9, checkpoint }), word(137, 1)]);
  assert.deepEqual([told.exitCode, told.rank, told.step, told.checkpoint], [137, 1, 9, checkpoint]);
});

test('a last word never exceeds 4 KiB of UTF-8 and stays JSON', () => {
  const text = encodeLastWord(word(64, 0, { message: '界'.repeat(5000) }));
  assert.ok(Buffer.byteLength(text) <= LIMIT_BYTES);
  assert.equal(LastWord.parse(JSON.parse(text)).exitCode, 64);
});

test('errors become exit codes', () => {
  assert.equal(wordOfError(new ExitError('Diverged', 'NotANumber', 'x', { step: 3 }), 1).exitCode, 65);
  assert.equal(wordOfError(new ExitError('Diverged', 'NotANumber', 'x', { step: 3 }), 1).step, 3);
  const lost = Object.assign(new Error('gone'), { name: 'PeerLostError', rank: 2 });
  assert.deepEqual([wordOfError(lost, 0).exitCode, wordOfError(lost, 0).lostRank], [76, 2]);
  const denied = wordOfError(new StorageError('Denied', 'Cannot write "gs://b/x": the bucket refuses it'), 0);
  assert.deepEqual([denied.exitCode, denied.reason, denied.message], [64, 'Denied', 'Cannot write "gs://b/x": the bucket refuses it']);
  assert.equal(wordOfError(new StorageError('NoBucket', 'x'), 0).exitCode, 64);
  assert.equal(wordOfError(new StorageError('Io', 'x'), 0).exitCode, 1);
  assert.equal(wordOfError(new Error('boom'), 0).exitCode, 1);
  assert.equal(wordOfDone({ reason: 'Complete', message: 'x' }, 0).exitCode, 0);
});
