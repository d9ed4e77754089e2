import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialParameters } from '../model/parameters.ts';
import type { Storage } from '../storage/storage.ts';
import { backendsForTests } from '../storage/testing/backends.ts';
import { ExitError } from '../cli/exit.ts';
import { attemptStorage, claimAttempt } from './claim.ts';
import type { CheckpointError } from './error.ts';
import { bestOf, knownCheckpoints, listCheckpoints, readManifest } from './list.ts';
import { checkpointPath } from './paths.ts';
import { readNewest, readWeights } from './read.ts';
import { holdCheckpoint, retainCheckpoints } from './retain.ts';
import { contents, identity, TINY } from './testing.ts';
import { writeCheckpoint, type Contents } from './write.ts';

const never = (error: Error): never => { throw error; };
const steps = async (storage: Storage): Promise<number[]> => (await knownCheckpoints(storage, never)).map((known) => known.step);

/** Weights as an evaluation reads them from the checkpoint of a step. */
async function draw(run: Storage, step: number): ReturnType<typeof readWeights> {
  const folder = run.at(checkpointPath(1, step));
  return readWeights(folder, (await readManifest(folder, '')).manifest, 'ema');
}

const damages = {
  'a changed byte': (bytes: Buffer) => { bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1; return bytes; },
  'a file cut short': (bytes: Buffer) => bytes.subarray(0, bytes.length - 4),
  'a file that grew': (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(4)]),
};

/** Checkpoints whole in themselves, but not such that the model in their manifest can be drawn with. */
const unsound: Record<string, { change: (of: Contents) => Contents; code: string; message: RegExp }> = {
  'a checkpoint without averaged weights': {
    change: ({ manifest, files: { 'ema.safetensors': _, ...files } }) => ({ manifest, files }), code: 'Incomplete', message: /its manifest names no "ema\.safetensors"/,
  },
  'weights of another model': {
    change: (of) => ({ ...of, manifest: { ...of.manifest, model: { ...TINY, numClasses: 5 } } }),
    code: 'ShapeMismatch', message: /tensor "y_embedder\.embedding_table\.weight" is F32 \[4, 8\] but the model expects F32 \[6, 8\]/,
  },
  'a tensor that the model lacks': {
    change: (of) => ({ ...of, manifest: { ...of.manifest, model: { ...TINY, valueResidual: false } } }), code: 'ShapeMismatch', message: /tensor "blocks\.1\.attn\.v1_lambda" is not part of the model/,
  },
  'a tensor that the file lacks': {
    change: (of) => ({ ...of, manifest: { ...of.manifest, model: { ...TINY, depth: 5 } } }), code: 'ShapeMismatch', message: /tensor "blocks\.4\..*" is missing but the model expects/,
  },
};

const refusals = {
  'an attempt that another process has claimed': { first: identity(1), second: identity(1), code: 75, reason: 'ClaimTaken' },
  'an attempt older than the newest claim': { first: identity(3), second: identity(2), code: 75, reason: 'Fenced' },
  'the prefix of another training': { first: identity(1), second: identity(1, { name: 'other' }), code: 64, reason: 'PrefixTaken' },
  'the prefix of another namespace': { first: identity(1), second: identity(1, { namespace: 'other' }), code: 64, reason: 'PrefixTaken' },
};

for (const backend of await backendsForTests()) {
  test(`${backend.name} a checkpoint comes back as it was written, and its reference names it`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    const claim = await claimAttempt(place.storage, identity(1));
    const ref = await writeCheckpoint(place.storage, claim, contents(7));
    assert.equal(ref.uri, `${place.storage.uri}/attempts/1/checkpoints/000000007`);
    const loaded = await readNewest(place.storage, never);
    assert.deepEqual(loaded?.known.ref, ref);
    const weights = initialParameters(contents(7).manifest.model, 7);
    assert.deepEqual(loaded?.model['fusion_proj.weight'], weights['fusion_proj.weight']);
    assert.deepEqual(loaded?.v['blocks.1.attn.v1_lambda'], weights['blocks.1.attn.v1_lambda']);
    assert.deepEqual((await draw(place.storage, 7))['fusion_proj.weight'], weights['fusion_proj.weight']);
  });

  test(`${backend.name} a process that dies at any write leaves the checkpoint before it as the newest`, { skip: backend.skip }, async () => {
    /** Storage of a process that dies when it is about to do its n-th write. */
    class Dying {
      readonly #inner: Storage;
      #left: number;
      constructor(inner: Storage, left: number) { this.#inner = inner; this.#left = left; }
      get uri(): string { return this.#inner.uri; }
      at(path: string): Storage { return this.#inner.at(path); }
      write: Storage['write'] = async (path, data) => {
        if (this.#left-- > 0) return this.#inner.write(path, data);
        // What an object store shows of an upload cut short: nothing.
        throw new Error('killed');
      };
      // The dead clear nothing away.
      remove: Storage['remove'] = () => Promise.reject(new Error('killed'));
      list: Storage['list'] = (prefix) => this.#inner.list(prefix);
    }
    const files = Object.keys(contents(2).files).length;
    for (let writes = 0; writes <= files + 1; writes++) {
      const place = await backend.place();
      const claim = await claimAttempt(place.storage, identity(1));
      await writeCheckpoint(place.storage, claim, contents(1));
      const dying = new Dying(place.storage, writes) as unknown as Storage;
      await writeCheckpoint(dying, claim, contents(2)).catch((error: Error) => { assert.equal(error.message, 'killed'); });
      const newest = await readNewest(place.storage, never);
      assert.equal(newest?.known.step, writes > files ? 2 : 1, `after ${writes} writes`);
      // The next attempt clears away what was left and writes the step again.
      const next = await claimAttempt(place.storage, identity(2));
      await writeCheckpoint(place.storage, next, contents(2));
      await retainCheckpoints(place.storage, { keep: 5, attempt: next.attempt });
      assert.ok((await listCheckpoints(place.storage)).every((entry) => entry.complete));
      assert.equal((await readNewest(place.storage, never))?.known.attempt, 2);
    }
  });

  for (const [name, damage] of Object.entries(damages)) {
    for (const file of ['model.safetensors', 'ema.safetensors', 'optimizer.safetensors']) {
      test(`${backend.name} ${name} in ${file}: the checkpoint before is taken, aloud`, { skip: backend.skip }, async () => {
        const place = await backend.place();
        const claim = await claimAttempt(place.storage, identity(1));
        await writeCheckpoint(place.storage, claim, contents(1));
        await writeCheckpoint(place.storage, claim, contents(2));
        const path = `attempts/1/checkpoints/000000002/${file}`;
        await place.storage.write(path, damage(Buffer.from(await place.storage.read(path))));
        const heard: CheckpointError[] = [];
        const newest = await readNewest(place.storage, (error) => heard.push(error));
        assert.equal(newest?.known.step, 1);
        assert.deepEqual(heard.map((error) => error.code), ['DigestMismatch']);
        assert.match(heard[0]?.message ?? '', /000000002.*safetensors.*Use another checkpoint/);
      });
    }
    test(`${backend.name} ${name}: nothing is drawn with it`, { skip: backend.skip }, async () => {
      const place = await backend.place();
      await writeCheckpoint(place.storage, await claimAttempt(place.storage, identity(1)), contents(3));
      const path = `${checkpointPath(1, 3)}/ema.safetensors`;
      await place.storage.write(path, damage(Buffer.from(await place.storage.read(path))));
      await assert.rejects(draw(place.storage, 3), {
        name: 'CheckpointError', code: 'DigestMismatch',
        message: /^Cannot read checkpoint ".*000000003": .*"ema\.safetensors".*so the file was damaged or changed\. Use another checkpoint$/,
      });
    });
  }

  for (const [name, { change, code, message }] of Object.entries(unsound)) {
    test(`${backend.name} ${name}: nothing is drawn with it`, { skip: backend.skip }, async () => {
      const place = await backend.place();
      await writeCheckpoint(place.storage, await claimAttempt(place.storage, identity(1)), change(contents(3)));
      await assert.rejects(draw(place.storage, 3), { name: 'CheckpointError', code, message });
    });
  }

  test(`${backend.name} a checkpoint that lost a file is refused`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    await writeCheckpoint(place.storage, await claimAttempt(place.storage, identity(1)), contents(3));
    await place.storage.remove(`${checkpointPath(1, 3)}/ema.safetensors`);
    await assert.rejects(draw(place.storage, 3), { code: 'Incomplete', message: /"ema\.safetensors" is missing\. Use another checkpoint/ });
    await assert.rejects(readNewest(place.storage, () => undefined), { code: 'Incomplete' });
  });

  test(`${backend.name} with no sound checkpoint left the reader refuses rather than starts from nothing`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    const claim = await claimAttempt(place.storage, identity(1));
    await writeCheckpoint(place.storage, claim, contents(1));
    await place.storage.write('attempts/1/checkpoints/000000001/manifest.json', new TextEncoder().encode('{"format":"other"}'));
    await assert.rejects(readNewest(place.storage, () => undefined), { code: 'BadManifest' });
  });

  test(`${backend.name} a newer claim fences an attempt: it writes no manifest`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    const stale = await claimAttempt(place.storage, identity(1));
    await writeCheckpoint(place.storage, stale, contents(1));
    await claimAttempt(place.storage, identity(2));
    await assert.rejects(writeCheckpoint(place.storage, stale, contents(2)), { code: 'Fenced' });
    assert.deepEqual(await steps(place.storage), [1]);
  });

  for (const [name, { first, second, code, reason }] of Object.entries(refusals)) {
    test(`${backend.name} refused: ${name}`, { skip: backend.skip }, async () => {
      const place = await backend.place();
      await claimAttempt(place.storage, first);
      await assert.rejects(claimAttempt(place.storage, second), (error) => error instanceof ExitError && error.exitCode === code && error.reason === reason);
    });
  }

  test(`${backend.name} only one of many processes gets an attempt`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    await claimAttempt(place.storage, identity(1));
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => claimAttempt(place.storage, identity(2))));
    assert.equal(tries.filter((result) => result.status === 'fulfilled').length, 1);
  });

  test(`${backend.name} a training applied again under its name goes on, after everything its former self wrote`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    const former = await claimAttempt(place.storage, identity(4));
    await writeCheckpoint(place.storage, former, contents(9));
    const again = await claimAttempt(place.storage, identity(1, { uid: 'uid-2' }));
    assert.deepEqual([again.attempt, again.inherited], [5, true]);
    assert.equal((await claimAttempt(place.storage, identity(2, { uid: 'uid-2' }))).attempt, 6);
    await assert.rejects(former.check(), { code: 'Fenced' });
    await attemptStorage(place.storage, again).write('x', new Uint8Array(1));
    assert.equal((await readNewest(place.storage, never))?.known.step, 9);
  });

  test(`${backend.name} retention keeps the newest, the best and what is being read`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    const claim = await claimAttempt(place.storage, identity(1));
    for (const [step, loss] of [[1, 5], [2, 1], [3, 4], [4, 3], [5, 2]] as const) await writeCheckpoint(place.storage, claim, contents(step, loss));
    const known = await knownCheckpoints(place.storage, never);
    assert.equal(bestOf(known)?.step, 2);
    const release = await holdCheckpoint(place.storage, 'attempts/1/checkpoints/000000001', 'evaluation-1');
    await retainCheckpoints(place.storage, { keep: 2, attempt: 1 });
    assert.deepEqual(await steps(place.storage), [5, 4, 2, 1]);
    await release();
    await retainCheckpoints(place.storage, { keep: 2, attempt: 1 });
    assert.deepEqual(await steps(place.storage), [5, 4, 2]);
  });

  test(`${backend.name} a hold that its holder forgot ends by itself`, { skip: backend.skip }, async () => {
    const place = await backend.place();
    const claim = await claimAttempt(place.storage, identity(1));
    for (const step of [1, 2]) await writeCheckpoint(place.storage, claim, contents(step));
    await holdCheckpoint(place.storage, 'attempts/1/checkpoints/000000001', 'gone', new Date(Date.now() - 25 * 3600 * 1000));
    await retainCheckpoints(place.storage, { keep: 1, attempt: 1 });
    assert.deepEqual(await steps(place.storage), [2]);
  });
}
