/** What a real API server does, the fake one does too: both run these. The real one is that of KOPF_TEST_KUBECONFIG; without it these tests are skipped. */
import assert from 'node:assert/strict';
import { after, before, describe, it as anywhere } from 'node:test';
import { Client } from '../api/client.ts';
import { sleep, systemClock } from '../clock.ts';
import { isAlreadyExists, isConflict, isExpired, isInvalid, isNotFound } from '../api/errors.ts';
import { EventRecorder, events } from '../process/events.ts';
import { handlers } from '../handlers/handlers.ts';
import { LeaderLease, leases } from '../process/lease.ts';
import { nullLogger } from '../observe/log.ts';
import { adopt, ownerReference } from '../api/objects.ts';
import type { KubeObject } from '../api/objects.ts';
import { Operator } from '../process/operator.ts';
import { configMaps, services } from '../api/resource.ts';
import { list, message } from '../wire/message.ts';
import { below, seeded } from '../testing/index.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import type { Environment } from './environment.ts';
import { fakeEnvironment, realEnvironment } from './environment.ts';
import { flaky } from './flaky.ts';

/** Real time here: waits until the condition holds, and says what does not hold after 30 s. */
async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 30_000; ;) {
    if (await condition()) return;
    if (performance.now() > end) throw new Error(`After 30 s this does not hold: ${condition.toString()}`);
    await sleep(systemClock, 20);
  }
}

/** Some of a Service, by k8s.io/api, core/v1/generated.proto. */
const SERVICE = message({ spec: [2, message({ ports: [1, list(message({ name: [1, 'string'], port: [3, 'int'] }))], publishNotReadyAddresses: [13, 'bool'] })] });
interface Service extends KubeObject { readonly spec?: { readonly ports?: readonly { readonly name: string; readonly port: number }[]; readonly publishNotReadyAddresses?: boolean } }

const withoutManagers = <T extends KubeObject>(object: T): T => {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
};

const kubeconfig = process.env.KOPF_TEST_KUBECONFIG;
const environments = {
  'the fake API server': { open: fakeEnvironment, skip: false },
  'a real API server': { open: () => realEnvironment(kubeconfig as string), skip: kubeconfig === undefined ? 'KOPF_TEST_KUBECONFIG names no cluster for tests' : false },
};

for (const [where, { open, skip }] of Object.entries(environments)) {
  describe(where, () => {
    // Each by itself, so that none is skipped silently.
    const it = (name: string, run: () => Promise<void>): void => { anywhere(name, { skip }, run); };
    let environment: Environment | undefined;
    let client: Client;
    let namespace: string;
    before(async () => {
      if (skip !== false) return;
      environment = await open();
      ({ client, namespace } = environment);
    });
    after(() => environment?.[Symbol.asyncDispose]());

    const here = (name: string, spec?: Room['spec'], metadata: Partial<Room['metadata']> = {}): Room => room(name, spec, { namespace, ...metadata });

    it('keeps objects, and refuses writes that come late', async () => {
      const ref = { namespace, name: 'red' };
      assert.equal(await client.find(rooms, ref), undefined);
      const created = await client.create(rooms, here('red', { chairs: 2 }));
      assert.equal(created.metadata.generation, 1);
      await assert.rejects(client.create(rooms, here('red')), isAlreadyExists);
      const replaced = await client.replace(rooms, { ...created, spec: { chairs: 3 } });
      assert.equal(replaced.metadata.generation, 2);
      await assert.rejects(client.replace(rooms, { ...created, spec: { chairs: 4 } }), isConflict);
      const merged = await client.merge(rooms, ref, { metadata: { labels: { floor: '1' } }, spec: { chairs: null } });
      assert.deepEqual([merged.metadata.labels, merged.spec], [{ floor: '1' }, {}]);
      assert.equal(await client.delete(rooms, ref, { uid: '00000000-0000-0000-0000-000000000000' }), false);
      assert.equal(await client.delete(rooms, ref, { uid: created.metadata.uid as string }), true);
      assert.equal(await client.delete(rooms, ref), false);
      await assert.rejects(client.get(rooms, ref), isNotFound);
      await assert.rejects(client.create(configMaps, { metadata: { namespace, name: 'Bad_Name' } }), isInvalid);
    });

    it('lists in pages of one moment', async () => {
      for (let i = 0; i < 25; i++) await client.create(configMaps, { metadata: { namespace, name: `page-${i}`, labels: { pages: 'yes' } }, data: { i: String(i) } });
      const sizes: number[] = [];
      const versions = new Set<string>();
      for await (const page of client.list(configMaps, { namespace, labelSelector: 'pages=yes', limit: 10 })) {
        sizes.push(page.items.length);
        versions.add(page.resourceVersion);
        assert.equal(page.items[0]?.kind, 'ConfigMap');
        if (sizes.length === 1) await client.create(configMaps, { metadata: { namespace, name: 'page-late', labels: { pages: 'yes' } } });
      }
      assert.deepEqual([sizes, versions.size], [[10, 10, 5], 1]);
    });

    it('applies: what is no longer set goes, what others set stays, nothing new is no write', async () => {
      await client.apply(rooms, here('applied', { chairs: 2, colour: 'red' }));
      await client.merge(rooms, { namespace, name: 'applied' }, { spec: { tables: 7 } });
      const applied = await client.apply(rooms, here('applied', { chairs: 3 }));
      assert.deepEqual(applied.spec, { chairs: 3, tables: 7 });
      const again = await client.apply(rooms, here('applied', { chairs: 3 }));
      assert.equal(again.metadata.resourceVersion, applied.metadata.resourceVersion);
      await assert.rejects(client.apply(rooms, here('applied', { chairs: 9 }), { fieldManager: 'another', force: false }), isConflict);
      const { resourceVersion } = again.metadata;
      await client.apply(rooms, here('applied', { chairs: 9 }), { fieldManager: 'another' });
      await assert.rejects(client.apply(rooms, here('applied', { chairs: 1 }, { resourceVersion: resourceVersion as string })), isConflict);
      await assert.rejects(client.apply(rooms, here('never', {}, { uid: '00000000-0000-0000-0000-000000000000' })), isConflict, 'a uid keeps apply from making an object anew');
    });

    it('applies status by its subresource, conditions merged by type', async () => {
      await client.apply(rooms, here('status', { chairs: 2 }));
      const metadata = { namespace, name: 'status' };
      const ready = { type: 'Ready', status: 'True' };
      await client.apply(rooms, { metadata, spec: { chairs: 99 }, status: { chairs: 2, conditions: [ready] } }, { subresource: 'status' });
      const both = await client.apply(rooms, { metadata, status: { conditions: [{ type: 'Full', status: 'False' }] } }, { subresource: 'status', fieldManager: 'another' });
      assert.deepEqual(both.status, { chairs: 2, conditions: [ready, { type: 'Full', status: 'False' }] });
      assert.deepEqual([both.spec, both.metadata.generation], [{ chairs: 2 }, 1]);
      await assert.rejects(client.apply(rooms, { metadata: { namespace, name: 'nobody' }, status: { chairs: 1 } }, { subresource: 'status' }), isNotFound);
    });

    it('watches from a version on, and says when that is too old', async () => {
      let resourceVersion = '';
      for await (const page of client.list(rooms, { namespace })) ({ resourceVersion } = page);
      const seen: string[] = [];
      const watching = (async () => {
        for await (const { type, object } of client.watch(rooms, { namespace, resourceVersion, labelSelector: 'watched', timeoutSeconds: 2 })) if (type !== 'BOOKMARK') seen.push(`${type} ${object.metadata.name}`);
      })();
      await client.create(rooms, here('watched', {}, { labels: { watched: 'yes' } }));
      await client.merge(rooms, { namespace, name: 'watched' }, { spec: { chairs: 4 } });
      await client.merge(rooms, { namespace, name: 'watched' }, { metadata: { labels: null } });
      await watching;
      assert.deepEqual(seen, ['ADDED watched', 'MODIFIED watched', 'DELETED watched']);
      await assert.rejects(async () => { for await (const _ of client.watch(rooms, { namespace, resourceVersion: '1', timeoutSeconds: 2 })); }, isExpired);
    });

    it('answers with metadata alone where that is all that is wanted', async () => {
      const ref = { namespace, name: 'bare' };
      const written = [
        await client.create(rooms, here('bare', { chairs: 2 }, { labels: { bare: 'yes' } }), { metadataOnly: true }),
        await client.apply(rooms, { metadata: ref, status: { chairs: 2 } }, { subresource: 'status', metadataOnly: true }),
        await client.merge(rooms, ref, { spec: { chairs: 3 } }, { metadataOnly: true }),
        await client.get(rooms, ref, { metadataOnly: true }),
      ];
      const [listed] = await client.listAll(rooms, { namespace, labelSelector: 'bare=yes', metadataOnly: true });
      assert.deepEqual(await client.listAll(rooms, { namespace, labelSelector: 'bare=no', metadataOnly: true }), []);
      const { resourceVersion = '' } = written[0]?.metadata ?? {};
      const watched: Room[] = [];
      for await (const { type, object } of client.watch(rooms, { namespace, labelSelector: 'bare=yes', resourceVersion, timeoutSeconds: 1, metadataOnly: true })) if (type === 'MODIFIED') watched.push(object);
      assert.equal(watched.length, 2);
      for (const seen of [...written, listed, ...watched]) {
        assert.deepEqual([Object.keys(seen ?? {}).sort(), seen?.kind, seen?.apiVersion, seen?.metadata.name], [['apiVersion', 'kind', 'metadata'], 'Room', 'kopf-ts.dev/v1', 'bare']);
      }
      assert.equal(listed?.metadata.resourceVersion, watched[1]?.metadata.resourceVersion);
      assert.deepEqual(withoutManagers(await client.get(rooms, ref)), { ...listed, spec: { chairs: 3 }, status: { chairs: 2 } });
      await assert.rejects(client.get(rooms, { namespace, name: 'nobody' }, { metadataOnly: true }), isNotFound);
    });

    it('answers with some fields alone, as Protocol Buffers where it can, as it would in JSON', async () => {
      const ref = { namespace, name: 'fields' };
      const labels = { fields: 'yes' };
      const owner = await client.create(rooms, here('fields', { chairs: 1 }, { labels }));
      await client.create(services, { metadata: { ...ref, labels, annotations: { a: 'ä' }, ownerReferences: [ownerReference(owner)], finalizers: ['kopf-ts.dev/test'] }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, ports: [{ name: 'a', port: 80, protocol: 'TCP' }, { name: 'b', port: 81, protocol: 'UDP' }] } });
      for await (const { resourceVersion } of client.list(services, { namespace, labelSelector: 'fields=yes', fields: SERVICE })) {
        await client.delete(services, ref);
        const [json] = await client.listAll<Service>(services, { namespace, labelSelector: 'fields=yes' });
        const { ports = [], publishNotReadyAddresses } = json?.spec ?? {};
        assert.notEqual(json?.metadata.deletionTimestamp, undefined);
        const wanted = { apiVersion: 'v1', kind: 'Service', metadata: withoutManagers(json as Service).metadata, spec: { publishNotReadyAddresses, ports: ports.map(({ name, port }) => ({ name, port })) } };
        const [listed] = await client.listAll(services, { namespace, labelSelector: 'fields=yes', fields: SERVICE });
        const watched: unknown[] = [];
        for await (const { type, object } of client.watch(services, { namespace, labelSelector: 'fields=yes', resourceVersion, timeoutSeconds: 1, fields: SERVICE })) if (type === 'MODIFIED') watched.push(object);
        assert.deepEqual([listed, ...watched], [wanted, wanted]);
      }
      const [room] = await client.listAll(rooms, { namespace, labelSelector: 'fields=yes', fields: SERVICE });
      assert.deepEqual(room?.spec, { chairs: 1 }, 'a custom resource comes as JSON');
      await client.merge(services, ref, { metadata: { finalizers: null } });
    });

    it('elects one leader at a time', async () => {
      const replica = (identity: string) => new LeaderLease({ client, namespace, name: 'hotel', identity, log: nullLogger, retryPeriod: 200 });
      const [a, b] = [replica('a'), replica('b')];
      const [stop, never] = [new AbortController(), new AbortController()];
      await a.acquire(never.signal);
      const held = a.hold(stop.signal);
      const turn = b.acquire(never.signal);
      await sleep(systemClock, 1000);
      assert.deepEqual([a.held, b.held], [true, false]);
      assert.equal((await client.get(leases, { namespace, name: 'hotel' })).spec?.holderIdentity, 'a');
      stop.abort();
      assert.equal(await held, 'stopped');
      await turn;
      assert.deepEqual([a.held, b.held], [false, true]);
      await b.release();
    });

    it('takes events and their counts', async () => {
      const recorder = new EventRecorder({ client, log: nullLogger, controller: 'kopf-ts.dev/hotel', instance: 'hotel-0' });
      const object = await client.create(rooms, here('eventful'));
      for (let i = 0; i < 5; i++) recorder.record(object, { type: 'Warning', reason: 'DoorStuck', note: 'The door does not open' });
      await recorder.close();
      const [event] = await client.listAll(events, { namespace });
      assert.equal((event?.series as { count?: number }).count, 5);
      assert.equal((event?.regarding as { name?: string }).name, 'eventful');
    });

    it('carries an operator: children made, healed and counted, a finalizer held and released, although connections break', async () => {
      const random = seeded(7);
      const transport = flaky((environment as Environment).transport, random, 0.15);
      const operator = new Operator(new Client(transport, { random }), { name: 'hotel', namespaces: [namespace], leaderElection: { namespace, name: 'operator' }, log: nullLogger });
      const chairs = operator.informer(configMaps, { labelSelector: 'chair' });
      const cleaned: string[] = [];
      handlers(operator, rooms, { name: 'finalizer', labelSelector: 'hotel' }).delete(async ({ object }) => cleaned.push(object.metadata.name as string), { finalizer: 'kopf-ts.dev/cleanup' });
      operator.controller<Room>({
        resource: rooms, labelSelector: 'hotel',
        async reconcile(_key, { object, write }) {
          if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
          const have = chairs.store.ownedBy(object.metadata.uid as string);
          const names = Array.from({ length: object.spec?.chairs ?? 0 }, (_, i) => `${object.metadata.name}-${i}`);
          for (const chair of have) if (!names.includes(chair.metadata.name as string)) await write.delete(configMaps, chair);
          for (const name of names) await write.apply(configMaps, adopt(object, { metadata: { name, labels: { chair: '' } }, data: { made: 'yes' } }));
          await write.applyStatus(rooms, object, { chairs: names.length });
        },
      }).owns(chairs);
      const stop = new AbortController();
      const ended = operator.run(stop.signal);
      const names = ['h1', 'h2', 'h3'];
      for (const name of names) await client.create(rooms, here(name, { chairs: 2 }, { labels: { hotel: '' } }));
      for (let i = 0; i < 15; i++) {
        const name = names[below(random, 3)] as string;
        if (i % 3 === 2) await client.delete(configMaps, { namespace, name: `${name}-0` });
        else await client.merge(rooms, { namespace, name }, { spec: { chairs: below(random, 4) } });
        await sleep(systemClock, 30);
      }
      transport.stop();
      await eventually(async () => {
        const all = await client.listAll(rooms, { namespace, labelSelector: 'hotel' });
        const children = await client.listAll(configMaps, { namespace, labelSelector: 'chair' });
        return all.every(({ spec, status, metadata: { uid } }) => spec?.chairs === status?.chairs
          && children.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid && metadata.deletionTimestamp === undefined).length === spec?.chairs)
          && all.length === 3 && all.every(({ metadata }) => metadata.finalizers?.includes('kopf-ts.dev/cleanup'));
      });
      for (const name of names) await client.delete(rooms, { namespace, name });
      await eventually(async () => (await client.listAll(rooms, { namespace, labelSelector: 'hotel' })).length === 0);
      assert.deepEqual([...new Set(cleaned)].sort(), names);
      await eventually(() => operator.informer(rooms, { labelSelector: 'hotel' }).store.size === 0);
      stop.abort();
      await ended;
      assert.equal((await client.get(leases, { namespace, name: 'operator' })).spec?.holderIdentity, '');
    });
  });
}
