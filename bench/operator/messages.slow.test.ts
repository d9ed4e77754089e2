/** That the operator reads the same of a pod and a Job as Protocol Buffers as it would in JSON, from a real API server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject, Message } from 'kopf-ts';
import { jobs, pods } from '../../operator/controller/kubernetes.ts';
import { jobMessage, podMessage } from '../../operator/controller/messages.ts';
import { available } from './available.ts';
import { ControlPlane } from './control-plane.ts';

const { binary, skip } = available;

/** What a message names of a JSON value. */
function named(fields: Message, value: unknown): unknown {
  return Object.fromEntries(fields.flatMap((field) => {
    const one = field === undefined ? undefined : (value as Record<string, unknown>)[field.name];
    if (field === undefined || one === undefined || one === null) return [];
    const { kind } = field;
    if (typeof kind === 'string') return [[field.name, one]];
    if (!('list' in kind)) return [[field.name, named(kind, one)]];
    const { list } = kind;
    return [[field.name, typeof list === 'object' && !('list' in list) ? (one as unknown[]).map((item) => named(list, item)) : one]];
  }));
}

test('a pod and a Job say the same in both forms', { skip, timeout: 300_000 }, async () => {
  await using plane = await ControlPlane.start(binary);
  const client = await plane.client();
  const labels = { here: 'yes' };
  const template = { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [{ name: 'runtime', image: 'none' }, { name: 'other', image: 'none' }, { name: 'third', image: 'none' }] } };
  const manifest = (name: string, spec: object): KubeObject => ({ metadata: { name, namespace: 'default', labels }, spec } as KubeObject);
  await client.create(jobs, manifest('j', { completionMode: 'Indexed', completions: 2, parallelism: 2, suspend: true, template }));
  await client.create(pods, manifest('p', template.spec));
  const at = '2026-11-26T05:00:00Z';
  const status = (name: string, state: object): object => ({ name, image: 'none', imageID: '', ready: false, restartCount: 0, state });
  await client.merge(pods, { namespace: 'default', name: 'p' }, { status: {
    phase: 'Failed', reason: 'NodeLost', message: 'ä', podIP: '10.0.0.7', hostIP: '10.0.0.1', startTime: at,
    conditions: [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes', lastTransitionTime: at },
      { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastProbeTime: at, lastTransitionTime: at }],
    containerStatuses: [
      status('runtime', { terminated: { exitCode: 0, signal: 9, reason: 'OOMKilled', message: '{"step":1}', startedAt: at, finishedAt: at, containerID: 'containerd://x' } }),
      status('other', { waiting: { reason: 'ErrImagePull', message: 'no such image' } }),
      status('third', { running: { startedAt: at } }),
    ],
  } }, { subresource: 'status' });
  const told = async (): Promise<boolean> => ((await client.get(jobs, { namespace: 'default', name: 'j' })).status?.conditions ?? []).length > 0;
  for (const end = Date.now() + 60_000; !await told(); await sleep(100)) assert.ok(Date.now() < end, 'the Job controller says nothing of a suspended Job');

  for (const [resource, fields] of [[pods, podMessage], [jobs, jobMessage]] as const) {
    const [json, ...more] = await client.listAll<KubeObject>(resource, { labelSelector: 'here=yes' });
    const binary = await client.listAll<KubeObject>(resource, { labelSelector: 'here=yes', fields });
    assert.equal(more.length, 0);
    const { managedFields: _, ...metadata } = json?.metadata ?? {};
    assert.deepEqual(binary, [{ apiVersion: json?.apiVersion, kind: json?.kind, metadata, ...named(fields, json) as object }]);
    assert.ok(JSON.stringify(binary).length > 300, 'there is something to compare');
  }
  await client.close();
});
