/** A fake server, a client and a clock that belong together: for the tests of this package. */
import { Client } from '../api/client.ts';
import type { ClientOptions } from '../api/client.ts';
import type { AnyObject } from '../api/objects.ts';
import type { Resource } from '../api/resource.ts';
import { configMaps, namespaces, pods, resource } from '../api/resource.ts';
import { FakeClock } from './clock.ts';
import { inProcess } from './in-process.ts';
import { seeded } from './random.ts';
import { rooms } from './rooms.ts';
import { FakeApiServer } from './server.ts';

export const leases = resource('coordination.k8s.io/v1', 'Lease', 'leases');
export const events = resource('events.k8s.io/v1', 'Event', 'events');

export function simulate(seed = 1, options: ClientOptions = {}) {
  const clock = new FakeClock();
  const random = seeded(seed);
  const resources = [rooms, configMaps, namespaces, pods, leases, events] as readonly Resource<AnyObject>[];
  const server = new FakeApiServer({ resources, clock, random: seeded(seed + 1) });
  const client = new Client(inProcess(server), { clock, random: seeded(seed + 2), ...options });
  return { clock, random, server, client };
}

/** Moves the clock while the promise waits for it. */
export async function settled<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let done = false;
  promise.finally(() => { done = true; }).catch(() => undefined);
  await clock.until(() => done);
  return promise;
}
