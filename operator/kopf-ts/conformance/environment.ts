/** Where the same tests run: a fake API server over HTTP, and a real one if a kubeconfig of a cluster for tests is given. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../api/client.ts';
import { sleep, systemClock } from '../clock.ts';
import { connect } from '../api/connection.ts';
import { isNotFound } from '../api/errors.ts';
import type { AnyObject } from '../api/objects.ts';
import { configMaps, namespaces, pods, resource, services } from '../api/resource.ts';
import type { Resource } from '../api/resource.ts';
import { FakeApiServer, listen } from '../testing/index.ts';
import { rooms } from '../testing/rooms.ts';
import { events, leases } from '../testing/simulation.ts';
import type { Transport } from '../api/transport.ts';
import { list, message } from '../wire/message.ts';

export interface Environment extends AsyncDisposable {
  readonly transport: Transport;
  readonly client: Client;
  /** Of its own: nothing else is in it. */
  readonly namespace: string;
}

const crds = resource('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', { namespaced: false });

/** The rooms of testing/rooms.ts as a real API server needs to know them. */
const CRD = {
  metadata: { name: 'rooms.kopf-ts.dev' },
  spec: {
    group: 'kopf-ts.dev', scope: 'Namespaced', names: { kind: 'Room', listKind: 'RoomList', plural: 'rooms', singular: 'room' },
    versions: [{
      name: 'v1', served: true, storage: true, subresources: { status: {} },
      schema: { openAPIV3Schema: { type: 'object', properties: {
        spec: { type: 'object', properties: { chairs: { type: 'integer', minimum: 0 }, tables: { type: 'integer' }, colour: { type: 'string' }, notes: { type: 'array', items: { type: 'string' } } } },
        status: { type: 'object', properties: {
          chairs: { type: 'integer' }, observedGeneration: { type: 'integer' },
          conditions: {
            'type': 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'],
            'items': { type: 'object', required: ['type', 'status'], properties: { type: { type: 'string' }, status: { type: 'string' }, reason: { type: 'string' } } },
          },
        } },
      } } },
    }],
  },
};

/** As much of a Service as these tests look at. */
const SERVICE = message({ spec: [2, message({ ports: [1, list(message({ name: [1, 'string'], protocol: [2, 'string'], port: [3, 'int'] }))], clusterIP: [3, 'string'], publishNotReadyAddresses: [13, 'bool'] })] });

export async function fakeEnvironment(): Promise<Environment> {
  const resources = [rooms, configMaps, namespaces, pods, services, leases, events] as readonly Resource<AnyObject>[];
  const listening = await listen(new FakeApiServer({ resources, messages: { services: SERVICE } }));
  const folder = mkdtempSync(join(tmpdir(), 'kopf-ts-'));
  const kubeconfig = join(folder, 'config');
  writeFileSync(kubeconfig, JSON.stringify({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c', 'clusters': [{ name: 'c', cluster: { server: listening.url } }],
    'contexts': [{ name: 'c', context: { cluster: 'c', user: 'u' } }], 'users': [{ name: 'u', user: {} }],
  }));
  const transport = await connect({ kubeconfig });
  return {
    transport, client: new Client(transport), namespace: 'test',
    async [Symbol.asyncDispose]() {
      await transport.close();
      await listening[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Makes the CRD and a namespace; the namespace goes again afterwards. */
export async function realEnvironment(kubeconfig: string): Promise<Environment> {
  const transport = await connect({ kubeconfig });
  const client = new Client(transport, { fieldManager: 'kopf-ts-test' });
  await client.apply(crds, CRD);
  const namespace = `kopf-ts-${process.pid}-${Math.floor(Math.random() * 1e6)}`;
  await client.apply(namespaces, { metadata: { name: namespace } });
  for (let tries = 0; ; tries++) {
    try {
      await client.listAll(rooms, { namespace });
      break;
    } catch (error) {
      if (!isNotFound(error) || tries > 100) throw error;
      await sleep(systemClock, 100);
    }
  }
  return {
    transport, client, namespace,
    async [Symbol.asyncDispose]() {
      await client.delete(namespaces, { name: namespace }, { propagation: 'Background' });
      await transport.close();
    },
  };
}
