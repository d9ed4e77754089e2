import assert from 'node:assert/strict';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packDataset } from '../data/pack.ts';
import { pictureOf, sourceFolder, temporaryFolder } from '../data/testing.ts';
import { gather, REFERENCE_POINTS } from './measure.ts';
import { dataReference } from './reference.ts';

const [COUNT, SIDE] = [70, 8];
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
before(async () => {
  temporary = await temporaryFolder();
  const source = await sourceFolder(join(temporary.folder, 'source'), { count: COUNT, side: SIDE, classes: 2 });
  await packDataset(source, temporary.open('packed'), { patch: 4, shardRows: 66 }); // more than one chunk, and a shard that ends one
});
after(async () => { await temporary[Symbol.asyncDispose](); });

test('the reference of a packed data set is that of its pictures, to the bit', async () => {
  const pictures = Array.from({ length: COUNT }, (_, i) => ({ count: 1, side: SIDE, data: pictureOf(i, SIDE) }));
  const direct = await gather(pictures, 4, REFERENCE_POINTS);
  const packed = await dataReference(temporary.open('packed'), 4);
  assert.equal(packed.statistics.count, COUNT);
  assert.deepEqual(packed.points, direct.points);
  // The moments add up the same numbers in other stretches.
  packed.statistics.mean.forEach((value, i) => { assert.ok(Math.abs(value - (direct.statistics.mean[i] as number)) < 1e-12); });
  packed.statistics.covariance.forEach((value, i) => { assert.ok(Math.abs(value - (direct.statistics.covariance[i] as number)) < 1e-12); });
});

test('what cannot be a reference is refused with a sentence', async () => {
  await assert.rejects(dataReference(temporary.open('packed'), 9), { name: 'EvaluateError', code: 'BadReference', message: /Cannot scale the pictures of ".*" to 9x9: they are 8x8/ });
  await assert.rejects(dataReference(temporary.open('nowhere'), 4), { name: 'EvaluateError', code: 'BadReference', message: /Cannot find the data set/ });
  await truncate(join(temporary.folder, 'packed', 'shard-00001.safetensors'), 100);
  await assert.rejects(dataReference(temporary.open('packed'), 4), { name: 'EvaluateError', code: 'BadReference', message: /shard-00001/ });
  await rm(join(temporary.folder, 'packed', 'shard-00001.safetensors'));
  await assert.rejects(dataReference(temporary.open('packed'), 4), { code: 'BadReference', message: /it is missing/ });
});
