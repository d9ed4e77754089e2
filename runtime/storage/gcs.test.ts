import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, test } from 'node:test';
import type { Clock } from './gcs/patience.ts';
import { openStorage, type OpenOptions } from './open.ts';
import type { Storage } from './storage.ts';
import { BUCKET, emulatorForTests } from './testing/backends.ts';
import { FaultProxy, type Fault, type Seen } from './testing/fault-proxy.ts';

// What all kinds of storage do: contract.test.ts. Here: what a network and a server can get wrong, and what is done about it.

const { emulator, skip } = await emulatorForTests();
const PART = 1 << 18;
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const noise = (count: number, seed = 1): Uint8Array => {
  const words = new Uint32Array(Math.ceil(count / 4));
  for (let i = 0, state = seed; i < words.length; i++) words[i] = state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return new Uint8Array(words.buffer, 0, count);
};
const DATA = noise(3 * PART + 1000);
async function* inPieces(data: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield await Promise.resolve(data.subarray(at, at + size));
}
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

let prefixes = 0;
const proxies: FaultProxy[] = [];
after(async () => { for (const proxy of proxies) await proxy[Symbol.asyncDispose](); });

interface Setting { readonly proxy: FaultProxy; readonly storage: Storage; /** The same prefix without the proxy. */ readonly direct: Storage }
async function setting(options: OpenOptions = {}): Promise<Setting> {
  const { url } = await emulator();
  const proxy = await FaultProxy.start(url);
  proxies.push(proxy);
  const uri = `gs://${BUCKET}/faults/${prefixes++}`;
  return {
    proxy,
    storage: openStorage(uri, { STORAGE_EMULATOR_HOST: proxy.url }, { partBytes: PART, ...options, patience: { firstDelay: 1, longestDelay: 20, giveUpAfter: 120_000, silence: 30_000, ...options.patience } }),
    direct: openStorage(uri, { STORAGE_EMULATOR_HOST: url }),
  };
}
/** Time that passes only while somebody waits. */
function patientClock(onSleep: (now: number) => Promise<void> | void = () => undefined): Clock & { readonly slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return { slept, now: () => now, random: () => 0.5, sleep: async (milliseconds) => { slept.push(milliseconds); now += milliseconds; await onSleep(now); } };
}

/** Operations, each with what must be there before, and what it must have achieved. */
const operations: Record<string, { before?: (storage: Storage) => Promise<unknown>; run: (storage: Storage) => Promise<void>; after?: (storage: Storage) => Promise<void> }> = {
  'reading an object': { before: (s) => s.write('a', DATA), run: async (s) => { assert.ok(same(await s.read('a'), DATA)); } },
  'reading a part': { before: (s) => s.write('a', DATA), run: async (s) => { assert.ok(same(await s.read('a', { start: 1000, end: 500_000 }), DATA.subarray(1000, 500_000))); } },
  'streaming an object': { before: (s) => s.write('a', DATA), run: async (s) => { assert.ok(same(Buffer.concat(await Array.fromAsync(s.readStream('a'))), DATA)); } },
  'asking for a size': { before: (s) => s.write('a', DATA), run: async (s) => { assert.equal(await s.size('a'), DATA.length); } },
  'asking for what is there': { before: (s) => s.write('a', DATA), run: async (s) => { assert.deepEqual([await s.exists('a'), await s.exists('b')], [true, false]); } },
  'writing a small object': { run: async (s) => { assert.equal((await s.write('a', DATA.subarray(0, 99))).bytes, 99); }, after: async (s) => { assert.ok(same(await s.read('a'), DATA.subarray(0, 99))); } },
  'writing a stream': {
    run: async (s) => { assert.deepEqual(await s.write('a', inPieces(DATA)), { bytes: DATA.length, sha256: createHash('sha256').update(DATA).digest('hex') }); },
    after: async (s) => { assert.ok(same(await s.read('a'), DATA)); },
  },
  'creating an object': { run: async (s) => { assert.equal(await s.createIfAbsent('a', DATA.subarray(0, 99)), true); }, after: async (s) => { assert.ok(same(await s.read('a'), DATA.subarray(0, 99))); } },
  'creating what is there': { before: (s) => s.write('a', DATA.subarray(0, 98)), run: async (s) => { assert.equal(await s.createIfAbsent('a', DATA.subarray(0, 99)), false); }, after: async (s) => { assert.equal(await s.size('a'), 98); } },
  'listing': { before: async (s) => { for (const path of ['b/1', 'b/2', 'c']) await s.write(path, DATA.subarray(0, 9)); }, run: async (s) => { assert.deepEqual((await s.list('')).map(({ path }) => path), ['b/1', 'b/2', 'c']); } },
  'removing': { before: async (s) => { for (const path of ['b/1', 'b/2', 'c']) await s.write(path, DATA.subarray(0, 9)); }, run: (s) => s.remove('b'), after: async (s) => { assert.deepEqual((await s.list('')).map(({ path }) => path), ['c']); } },
};
const faults: Record<string, Fault> = {
  'an answer 503': { kind: 'status', status: 503 },
  'an answer 429 with Retry-After': { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
  'an answer 408': { kind: 'status', status: 408 },
  'a 500 after it was done': { kind: 'status', status: 500, done: true },
  'a reset': { kind: 'reset' },
  'a reset after it was done': { kind: 'reset', done: true },
  'a server that falls silent': { kind: 'silent' },
  'a reset in the middle of the answer': { kind: 'cut', bytes: 300, by: 'reset' },
  'an answer cut short': { kind: 'cut', bytes: 20, by: 'end' },
  'a slow answer': { kind: 'slow', bytes: 1 << 17, milliseconds: 5 },
  'a part that arrives in half': { kind: 'partial', bytes: PART / 2 },
  'another server\'s page': { kind: 'status', status: 200, body: '<html>log in</html>', headers: { 'content-type': 'text/html' } },
};
for (const [name, { before, run, after: check }] of Object.entries(operations)) {
  test(`${name}: whatever request of it fails once, and however, the result is the same`, { skip }, async () => {
    const count = async (): Promise<number> => {
      const { proxy, storage, direct } = await setting();
      await before?.(direct);
      await run(storage);
      await check?.(direct);
      return proxy.seen.length;
    };
    const requests = await count();
    assert.ok(requests >= 1);
    for (const [what, fault] of Object.entries(faults)) {
      // A page in place of an object's bytes cannot be told from them.
      if (what === 'another server\'s page' && /reading|streaming|stream/.test(name)) continue;
      for (let at = 0; at < requests; at++) {
        const { proxy, storage, direct } = await setting(fault.kind === 'silent' ? { patience: { silence: 300 } } : {});
        await before?.(direct);
        let hit = false;
        proxy.fault = ({ index }) => { hit ||= index === at; return index === at ? fault : undefined; };
        await assert.doesNotReject(run(storage), `${what} at request ${at}`);
        assert.ok(hit, `${what} at request ${at} happened`);
        await check?.(direct);
      }
    }
  });
}

test('in a storm where a third of all requests fails, everything ends as it should', { skip }, async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { proxy, storage, direct } = await setting();
    let state = seed;
    const random = (): number => { state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; return (state >>> 8) / 2 ** 24; };
    const kinds = Object.values(faults).filter(({ kind }) => kind !== 'silent' && kind !== 'slow').filter((fault) => !(fault.kind === 'status' && fault.status === 200));
    proxy.fault = () => random() < 1 / 3 ? kinds[Math.floor(random() * kinds.length)] : undefined;
    const data = noise(2 * PART + 7777 * seed, seed);
    await storage.write('big', inPieces(data));
    assert.ok(same(await storage.read('big'), data), `seed ${seed}`);
    assert.ok(same(Buffer.concat(await Array.fromAsync(storage.readStream('big'))), data), `seed ${seed}`);
    assert.equal(await storage.createIfAbsent('claim', noise(50, seed)), true);
    assert.equal(await storage.createIfAbsent('claim', noise(50, seed + 1)), false);
    assert.ok(same(await direct.read('claim'), noise(50, seed)));
    await storage.remove('big');
    assert.deepEqual((await direct.list('')).map(({ path }) => path), ['claim']);
  }
});

for (const [name, outage] of Object.entries({ 'refuses connections': 'down', 'answers 503': 'busy' })) {
  for (const [what, { before, run, after: check }] of Object.entries(operations)) {
    test(`${what} takes no harm from a server that ${name} for 30 s`, { skip }, async () => {
      const clock = patientClock((now) => outage === 'down' && now >= 30_000 && now - clock.slept.at(-1)! < 30_000 ? proxy.up() : undefined);
      const { proxy, storage, direct } = await setting({ clock, patience: { firstDelay: 200, longestDelay: 10_000, giveUpAfter: 300_000 } });
      await before?.(direct);
      if (outage === 'down') await proxy.down();
      else proxy.fault = () => clock.now() < 30_000 ? { kind: 'status', status: 503 } : undefined;
      await run(storage);
      await check?.(direct);
      assert.ok(clock.now() >= 30_000 && clock.now() < 45_000, `${clock.now()} ms were waited`);
    });
  }
}

test('an outage in the middle of a long upload counts from its beginning, not from the upload\'s', { skip }, async () => {
  const clock = patientClock();
  const { proxy, storage } = await setting({ clock, patience: { firstDelay: 200, longestDelay: 10_000, giveUpAfter: 60_000 } });
  let until = 0;
  const parts = new Set<string>();
  proxy.fault = ({ method, headers }) => {
    const range = String(headers['content-range']);
    if (method === 'PUT' && !range.startsWith('bytes *') && !parts.has(range)) {
      parts.add(range);
      until = clock.now() + 50_000;
    }
    return clock.now() < until ? { kind: 'status', status: 503 } : undefined;
  };
  await storage.write('a', inPieces(DATA));
  assert.equal(parts.size, 4);
  assert.ok(clock.now() >= 200_000);
});

test('what never comes back is told after five minutes, with what was wrong', { skip }, async () => {
  const clock = patientClock();
  const { proxy, storage } = await setting({ clock, patience: { firstDelay: 200, longestDelay: 10_000, giveUpAfter: 300_000 } });
  proxy.fault = () => ({ kind: 'status', status: 503, body: 'Service Unavailable' });
  await assert.rejects(storage.size('a'), { name: 'StorageError', code: 'Io', message: /Cannot read "gs:\/\/srdit-test\/faults\/\d+\/a": the server answered 503 "Service Unavailable", for 300 s\. Look whether/ });
  assert.ok(clock.now() > 280_000 && clock.now() <= 300_000);
  await proxy.down();
  await assert.rejects(storage.write('a', inPieces(DATA)), { code: 'Io', message: /Cannot write .*ECONNREFUSED/ });
  // Delays double and are spread.
  assert.deepEqual(clock.slept.slice(0, 8), [150, 300, 600, 1200, 2400, 4800, 7500, 7500]);
});

test('a server that asks for a pause gets it', { skip }, async () => {
  const clock = patientClock();
  const { proxy, storage } = await setting({ clock });
  proxy.fault = ({ index }) => index < 2 ? { kind: 'status', status: 429, headers: { 'retry-after': '7' } } : undefined;
  assert.equal(await storage.exists('a'), false);
  assert.deepEqual(clock.slept.map((milliseconds) => milliseconds >= 7000), [true, true]);
});

const body = (message: string, reason: string): string => JSON.stringify({ error: { code: 403, message, errors: [{ reason, message }] } });
const refusals: Record<string, { answer: { status: number; body: string }; code: string; message: RegExp }> = {
  'missing rights': { answer: { status: 403, body: body('x@y does not have storage.objects.create access', 'forbidden') }, code: 'Denied', message: /the bucket refuses it \(403 "x@y does not have storage\.objects\.create access"\)\. Give the account that runs this the role "roles\/storage\.objectUser" on bucket "srdit-test"/ },
  'an account that is not known': { answer: { status: 401, body: body('Anonymous caller', 'required') }, code: 'Denied', message: /401 "Anonymous caller"/ },
  'a request that is wrong': { answer: { status: 400, body: body('Invalid argument', 'invalid') }, code: 'Io', message: /the store answered 400 "Invalid argument"/ },
};
for (const [name, { answer, code, message }] of Object.entries(refusals)) {
  for (const [what, { run }] of Object.entries(operations)) {
    test(`${what}: ${name}: told at once`, { skip }, async () => {
      const { proxy, storage } = await setting();
      proxy.fault = () => ({ kind: 'status', ...answer });
      await assert.rejects(run(storage), { name: 'StorageError', code, message });
      assert.equal(proxy.seen.length, 1);
    });
  }
}
test('a limit on requests is no missing right', { skip }, async () => {
  const { proxy, storage } = await setting();
  proxy.fault = ({ index }) => index === 0 ? { kind: 'status', status: 403, body: body('Too many', 'rateLimitExceeded') } : undefined;
  assert.equal(await storage.exists('a'), false);
});

for (const [what, { run }] of Object.entries(operations)) {
  test(`${what}: a bucket that does not exist is told`, { skip }, async () => {
    const storage = openStorage('gs://srdit-none/x', { STORAGE_EMULATOR_HOST: (await emulator()).url });
    await assert.rejects(run(storage), { name: 'StorageError', code: 'NoBucket', message: /there is no bucket "srdit-none"\. Create it, or correct its name/ });
  });
}
test('who may not list is told that an object is missing, not that the bucket is', { skip }, async () => {
  const { proxy, storage } = await setting();
  proxy.fault = ({ path }) => path.endsWith('/o') ? { kind: 'status', status: 403 } : undefined;
  await assert.rejects(storage.read('a'), { code: 'NotFound' });
});

for (const [name, data] of Object.entries({ 'in one request': DATA.subarray(0, 999), 'in parts': DATA })) {
  test(`what changes on its way (${name}) is found by its checksum`, { skip }, async () => {
    const { proxy, storage } = await setting();
    let hit = false;
    // The last request of the upload carries the body (or its last part).
    proxy.fault = ({ headers }) => {
      if (hit || Number(headers['content-length']) < 900) return undefined;
      hit = true;
      return { kind: 'corrupt' };
    };
    await assert.rejects(storage.write('a', data), { code: 'Io', message: /crc32c \S+" instead of/ });
  });
}
test('the checksum goes with the upload, so that the server refuses what changed before anybody sees it', { skip }, async () => {
  const { proxy, storage } = await setting();
  await storage.write('a', DATA);
  const puts = proxy.seen.filter(({ method }) => method === 'PUT');
  assert.equal(puts.length, 4);
  assert.deepEqual(puts.map(({ headers }) => /^crc32c=\S{8}$/.test(String(headers['x-goog-hash']))), [false, false, false, true]);
});

test('parts go up once each, and a failed one only from the byte reached', { skip }, async () => {
  const { proxy, storage } = await setting();
  const sent: string[] = [];
  let failed = false;
  proxy.fault = ({ method, headers }: Seen) => {
    if (method !== 'PUT') return undefined;
    sent.push(String(headers['content-range']));
    if (failed || sent.length < 2) return undefined;
    failed = true;
    return { kind: 'partial', bytes: 1000 };
  };
  await storage.write('a', inPieces(DATA));
  assert.deepEqual(sent, [
    `bytes 0-${PART - 1}/*`, `bytes ${PART}-${2 * PART - 1}/*`, 'bytes */*', `bytes ${PART + 1000}-${2 * PART - 1}/*`, `bytes ${2 * PART}-${3 * PART - 1}/*`, `bytes ${3 * PART}-${DATA.length - 1}/${DATA.length}`,
  ]);
});

test('reading goes on from the byte reached, of the same object', { skip }, async () => {
  const { proxy, storage, direct } = await setting();
  await direct.write('a', DATA);
  proxy.fault = ({ index }) => index < 2 ? { kind: 'cut', bytes: 200_000, by: 'reset' } : undefined;
  assert.ok(same(await storage.read('a'), DATA));
  const generations = new Set(proxy.seen.slice(1).map(({ query }) => query.get('generation')));
  assert.ok(generations.size === 1 && /^\d+$/.test([...generations][0] ?? ''));
  assert.deepEqual(proxy.seen.map(({ headers }) => headers.range === undefined ? 0 : Number(/=(\d+)-/.exec(headers.range)?.[1]) > 0), [0, true, true]);
});

test('an object that is replaced while it is read is not read as a mixture', { skip }, async () => {
  const { proxy, storage, direct } = await setting();
  await direct.write('a', DATA);
  proxy.fault = ({ index }) => index === 0 ? { kind: 'cut', bytes: 100_000, by: 'reset' } : undefined;
  await assert.rejects(async () => {
    for await (const piece of storage.readStream('a')) if (piece.length > 0) await direct.write('a', noise(DATA.length, 9));
  }, { code: 'Io', message: /replaced or removed while it was read\. Try again/ });
});

test('a store that calls an upload complete before its end is not believed', { skip }, async () => {
  const { proxy, storage } = await setting();
  proxy.fault = ({ method }) => method === 'PUT' ? { kind: 'status', status: 200, body: '{"size":"1","crc32c":"AAAAAA=="}' } : undefined;
  await assert.rejects(storage.write('a', inPieces(DATA)), { code: 'Io', message: /complete" before the last part/ });
});

test('an upload goes only to the server that was named', { skip }, async () => {
  const { proxy, storage, direct } = await setting();
  const location = `http://127.0.0.1:1/upload/storage/v1/b/${BUCKET}/o?uploadType=resumable&upload_id=none`;
  proxy.fault = ({ method, query }) => method === 'POST' && query.get('uploadType') === 'resumable' ? { kind: 'status', status: 200, headers: { location } } : undefined;
  await assert.rejects(storage.write('a', inPieces(DATA)), { name: 'StorageError' });
  assert.ok(proxy.seen.some(({ method, query }) => method === 'PUT' && query.get('upload_id') === 'none'), 'the part came to us');
  assert.equal(await direct.exists('a'), false);
});

test('long listings come in pages', { skip }, async () => {
  const { proxy, storage, direct } = await setting();
  const names = Array.from({ length: 1200 }, (_, i) => `n${i}`);
  await Promise.all(Array.from({ length: 16 }, async (_, worker) => { for (let i = worker; i < names.length; i += 16) await direct.write(names[i] as string, DATA.subarray(0, 1)); }));
  assert.deepEqual((await storage.list('')).map(({ path }) => path), names.toSorted());
  assert.equal(proxy.seen.length, 2);
  await storage.remove('none');
});

test('marks of folders, which consoles make, are no objects of ours', { skip }, async () => {
  const { storage, proxy } = await setting();
  const prefix = storage.uri.slice(`gs://${BUCKET}/`.length);
  for (const name of [`${prefix}/`, `${prefix}/folder/`]) {
    const made = await fetch(`${proxy.url}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=${encodeURIComponent(name)}`, { method: 'POST', body: '' });
    assert.equal(made.status, 200);
  }
  await storage.write('folder/x', DATA.subarray(0, 3));
  assert.deepEqual(await storage.list(''), [{ path: 'folder/x', bytes: 3 }]);
  assert.equal(text(await storage.read('folder/x')), text(DATA.subarray(0, 3)));
});
