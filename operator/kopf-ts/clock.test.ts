import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, backoffDelay } from './backoff.ts';
import { sleep, systemClock } from './clock.ts';
import { FakeClock, seeded } from './testing/index.ts';

test('the real clock calls back, not before its time, and not after it was cancelled', async () => {
  const started = systemClock.monotonic();
  let cancelled = true;
  systemClock.after(1, () => { cancelled = false; })();
  await sleep(systemClock, 20);
  assert.ok(systemClock.monotonic() - started >= 19);
  assert.ok(cancelled);
});

test('a wait of months does not end at once, as setTimeout alone would', async () => {
  let called = false;
  const cancel = systemClock.after(2 ** 33, () => { called = true; });
  await sleep(systemClock, 20);
  cancel();
  assert.ok(!called);
});

test('a sleep ends with the reason of its signal, and leaves nothing behind', async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const asleep = sleep(clock, 1000, controller.signal);
  controller.abort(new Error('Wake up'));
  await assert.rejects(asleep, /Wake up/);
  await assert.rejects(sleep(clock, 1000, controller.signal), /Wake up/);
  assert.equal(clock.pending, 0);
});

test('the fake clock fires in order of time, and what is due meanwhile, too', async () => {
  const clock = new FakeClock();
  const order: string[] = [];
  clock.after(200, () => order.push('b'));
  clock.after(100, () => {
    order.push('a');
    clock.after(50, () => order.push('a2'));
  });
  clock.after(300, () => order.push('not yet'));
  await clock.advance(250);
  assert.deepEqual(order, ['a', 'a2', 'b']);
  assert.equal(clock.monotonic(), 250);
  await assert.rejects(clock.until(() => false, 1000), /does not hold after 1 s/);
});

test('delays double up to their bound, in the upper half at random, and begin anew after a reset', () => {
  const random = seeded(3);
  for (let failures = 1; failures < 30; failures++) {
    const whole = Math.min(1000, 5 * 2 ** (failures - 1));
    const delay = backoffDelay({ base: 5, max: 1000 }, failures, random);
    assert.ok(delay >= whole / 2 && delay <= whole);
  }
  const backoff = new Backoff({ base: 100, max: 10_000 }, () => 0.999);
  assert.deepEqual([backoff.next(), backoff.next(), backoff.next()].map(Math.round), [100, 200, 400]);
  backoff.reset();
  assert.equal(Math.round(backoff.next()), 100);
});
