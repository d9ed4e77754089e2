import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isolationFor, type Isolation } from './namespace.ts';

const machine: Isolation = { prefix: ['unshare'] };
const cases: Record<string, { spec: Parameters<typeof isolationFor>[0]; alone: boolean }> = {
  'everything on this machine': { spec: { storage: { uri: 'file:///runs/a' }, data: { uri: 'file:///data' } }, alone: true },
  'checkpoints in a bucket': { spec: { storage: { uri: 'gs://bucket/a' }, data: { uri: 'file:///data' } }, alone: false },
  'a data set in a bucket': { spec: { storage: { uri: 'file:///runs/a' }, data: { uri: 'gs://bucket/data' } }, alone: false },
  'an evaluation of a checkpoint in a bucket': { spec: { storage: { uri: 'file:///runs/a' }, checkpoint: { uri: 'gs://bucket/c' }, reference: {} }, alone: false },
};
for (const [name, { spec, alone }] of Object.entries(cases)) {
  test(`network namespace: ${name}`, () => { assert.equal(isolationFor(spec, machine) === machine, alone); });
}
