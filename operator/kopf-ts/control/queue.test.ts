import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkQueue, priority } from './queue.ts';
import { FakeClock, below, pick, seeded } from '../testing/index.ts';

function start(seed = 1) {
  const clock = new FakeClock();
  const queue = new WorkQueue({ clock, random: seeded(seed) });
  return { clock, queue };
}

test('a key waits once, however often it is added, and keeps its place', async () => {
  const { queue } = start();
  for (const key of ['a', 'b', 'a']) queue.add(key);
  assert.equal(queue.depth, 2);
  assert.deepEqual([await queue.take(), await queue.take()], ['a', 'b']);
});

test('a key that is being worked on comes again when it is done, once', async () => {
  const { queue } = start();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  assert.equal(queue.depth, 0, 'nobody else may have it now');
  queue.done('a');
  assert.equal(await queue.take(), 'a');
  queue.done('a');
  assert.equal(queue.remembered, 0);
});

test('what is urgent goes first; a waiting key moves up, never down', async () => {
  const { queue } = start();
  queue.add('low', priority.low);
  queue.add('normal');
  queue.add('moved', priority.low);
  queue.add('moved', priority.high);
  queue.add('moved', priority.low);
  assert.deepEqual([await queue.take(), await queue.take(), await queue.take()], ['moved', 'normal', 'low']);
});

test('a delayed key comes at the earliest time that was asked for', async () => {
  const { clock, queue } = start();
  queue.addAfter('a', 86_400_000);
  queue.addAfter('a', 3_600_000);
  queue.addAfter('a', 7_200_000);
  await clock.advance(3_599_000);
  assert.equal(queue.depth, 0);
  await clock.advance(2000);
  assert.equal(queue.depth, 1);
  assert.equal(clock.pending, 0, 'the later wishes are dropped');
});

test('failures are tried again later and later, from 5 ms to 1000 s, each key by itself', () => {
  const { queue } = start();
  const delays = Array.from({ length: 25 }, () => queue.addFailed('a'));
  delays.forEach((delay, index) => {
    const whole = Math.min(1_000_000, 5 * 2 ** index);
    assert.ok(delay >= whole / 2 && delay <= whole, `failure ${index + 1}: ${delay} ms`);
  });
  assert.ok(queue.addFailed('b') <= 5);
  queue.forget('a');
  assert.ok(queue.addFailed('a') <= 5);
});

test('who waits for a key gets it; when the queue is closed, nothing', async () => {
  const { clock, queue } = start();
  const takers = [queue.take(), queue.take()];
  queue.add('a');
  assert.equal(await takers[0], 'a');
  queue.addAfter('b', 1000);
  queue.close();
  assert.equal(await takers[1], undefined);
  queue.add('c');
  queue.done('a');
  assert.equal(queue.remembered, 0);
  assert.equal(clock.pending, 0);
});

test('for 200 seeds of random use: one worker a key, no key lost, nothing remembered at the end', async () => {
  for (let seed = 0; seed < 200; seed++) {
    const { clock, queue } = start(seed);
    const random = seeded(seed + 1000);
    const keys = ['a', 'b', 'c', 'd'];
    const working = new Set<string>();
    const served = new Map<string, number>();
    const added = new Map<string, number>();
    let step = 0;
    const worker = async (): Promise<void> => {
      for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
        assert.ok(!working.has(key), `seed ${seed}: two workers on ${key}`);
        working.add(key);
        served.set(key, ++step);
        const pause = below(random, 50);
        await new Promise<void>((resolve) => { clock.after(pause, resolve); });
        working.delete(key);
        if (random() < 0.3) queue.addFailed(key);
        else queue.forget(key);
        queue.done(key);
      }
    };
    const workers = [worker(), worker(), worker()];
    for (let i = 0; i < 40; i++) {
      const key = pick(random, keys);
      added.set(key, ++step);
      if (random() < 0.7) queue.add(key, pick(random, Object.values(priority)));
      else queue.addAfter(key, below(random, 100));
      if (random() < 0.5) await clock.advance(below(random, 40));
    }
    await clock.until(() => queue.remembered === 0);
    for (const [key, at] of added) assert.ok((served.get(key) ?? 0) > at, `seed ${seed}: ${key} was not served after it was last added`);
    queue.close();
    await Promise.all(workers);
  }
});
