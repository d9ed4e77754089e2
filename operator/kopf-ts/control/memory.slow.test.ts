/** Memory over a long life: objects come and go by the thousand, faults in between, and the heap stays as it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { handlers } from '../handlers/handlers.ts';
import { nullLogger } from '../observe/log.ts';
import { adopt } from '../api/objects.ts';
import { Operator } from '../process/operator.ts';
import { pods } from '../api/resource.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import { settled, simulate } from '../testing/simulation.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('the heap is flat over 2,000 objects', async () => {
  const { clock, server, client, random } = simulate();
  const operator = new Operator(client, { name: 'hotel', leaderElection: { namespace: 'default' }, log: nullLogger });
  operator.controller<Room>({
    resource: rooms, owns: [pods],
    async reconcile(_key, { object, write }) {
      if (object === undefined) return;
      await write.apply(pods, adopt(object, { metadata: { name: object.metadata.name ?? '' } }));
      if (random() < 0.1) throw new Error('A bug in a handler');
      await write.applyStatus(rooms, object, { chairs: 1 });
    },
  });
  handlers(operator, rooms, { name: 'handlers' }).create(async () => undefined).timer({ every: 20_000 }, async () => undefined)
    .daemon(({ signal }) => new Promise<void>((resolve) => { signal.addEventListener('abort', () => { resolve(); }, { once: true }); }));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(10_000);
  server.faults.chaos(random, 0.02, [{ kind: 'status', status: 500 }, { kind: 'reset' }, { kind: 'closed', events: 2 }, { kind: 'expired' }]);
  const heaps: number[] = [];
  for (let cycle = 0; cycle < 50; cycle++) {
    const names = Array.from({ length: 40 }, (_, i) => `room-${cycle}-${i}`);
    for (const name of names) server.create(rooms, room(name));
    await clock.advance(5000);
    for (const name of names) server.delete(rooms, `default/${name}`);
    await clock.advance(30_000);
    // Not the server's memory is measured.
    server.compact();
    if (cycle % 5 === 4) {
      await clock.advance(500_000);
      collect();
      heaps.push(process.memoryUsage().heapUsed / 1e6);
    }
  }
  server.faults.clear();
  await clock.advance(1_000_000);
  stop.abort();
  await settled(clock, ended);
  const [warm, last] = [heaps[2] as number, heaps.at(-1) as number];
  assert.ok(last - warm < 2, `The heap grew from ${warm.toFixed(1)} to ${last.toFixed(1)} MB: ${heaps.map((heap) => heap.toFixed(1)).join(', ')}`);
});
