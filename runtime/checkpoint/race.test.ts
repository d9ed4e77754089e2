import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { backendsForTests } from '../storage/testing/backends.ts';
import { newestClaim } from './claim.ts';

const OBJECTS = 40;
interface Got { readonly name: string; readonly objects: readonly number[]; readonly attempts: readonly number[] }

/** Starts a process; go() lets it run and gives what it got. */
async function racer(uri: string, environment: Readonly<Record<string, string>>, name: string): Promise<() => Promise<Got>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'race.test-attempt.ts'), uri, name, String(OBJECTS)], { env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'ready');
  const ended = once(child, 'close');
  return async () => {
    child.stdin.write('go\n');
    const got = JSON.parse(String((await lines.next()).value)) as Omit<Got, 'name'>;
    assert.deepEqual(await ended, [0, null]);
    return { name, ...got };
  };
}

for (const backend of await backendsForTests()) {
  test(`${backend.name} of processes that create the same object or claim the same attempt exactly one does`, { skip: backend.skip }, async () => {
    const { storage, environment } = await backend.place();
    const racers = await Promise.all(['a', 'b', 'c'].map((name) => racer(storage.uri, environment, name)));
    const all = await Promise.all(racers.map((go) => go()));
    assert.deepEqual(all.flatMap(({ objects }) => objects).toSorted((a, b) => a - b), Array.from({ length: OBJECTS }, (_, i) => i));
    for (const { name, objects } of all) {
      for (const i of objects) assert.equal(new TextDecoder().decode(await storage.read(`race/${i}`)), name);
    }
    const attempts = all.flatMap((got) => got.attempts);
    assert.equal(new Set(attempts).size, attempts.length, 'no attempt was given twice');
    assert.ok(attempts.includes(5), 'the last one was given: nothing fences it');
    assert.equal(await newestClaim(storage), 5);
  });
}
