import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objects } from '../plan.ts';
import { changed, evaluation, training } from '../testing/resources.ts';
import { toldBy } from '../testing/told.ts';
import { DEFAULT_OPTIONS, type Gang, type KubernetesObject, type Observed, type Status } from '../types.ts';
import { podTemplate } from './job.ts';
import type { PodTemplate } from './pod-overrides.ts';

const observed = (status?: Status): Observed => ({ now: '2026-01-01T00:00:00.000Z', jobs: [], pods: [], ...(status === undefined ? {} : { status }) });
const made = (gang: Gang, attempt = 1, status?: Status): Record<string, KubernetesObject> =>
  Object.fromEntries(objects(gang, observed(status), attempt, DEFAULT_OPTIONS).map((object) => [object.kind, object]));
const pod = (gang: Gang, status?: Status): PodTemplate => podTemplate(gang, observed(status), 1, DEFAULT_OPTIONS);
const spec = <T>(object: KubernetesObject | undefined): T => object?.['spec'] as T;
const gangOf = (more: Record<string, unknown>): Record<string, unknown> => ({ batchSize: 48, gang: { workers: 3, ranksPerWorker: 4, ...more } });

test('the Job: Indexed, one completion a worker, nobody else restarts anything', () => {
  const { Job } = made(training(gangOf({})), 7);
  assert.equal(Job?.metadata.name, 't-train-7');
  const { template, ...rest } = spec<Record<string, unknown>>(Job);
  assert.deepEqual(rest, { completionMode: 'Indexed', completions: 3, parallelism: 3, backoffLimit: 0, podReplacementPolicy: 'Failed' });
  assert.equal((template as PodTemplate).spec['restartPolicy'], 'Never');
  assert.deepEqual(Job?.metadata['ownerReferences'], [{ apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', name: 't', uid: 'uid-1', controller: true, blockOwnerDeletion: true }]);
});

test('every rank has an address: worker x ranksPerWorker + local rank', () => {
  const [container] = pod(training(gangOf({}))).spec.containers;
  const addresses = container.env.find(({ name }) => name === 'SRDIT_ADDRESSES')?.value?.split(',') ?? [];
  assert.equal(addresses.length, 12);
  assert.deepEqual([addresses[0], addresses[3], addresses[4], addresses[11]],
    ['t-train-1-0.t-train.lab.svc:7470', 't-train-1-0.t-train.lab.svc:7473', 't-train-1-1.t-train.lab.svc:7470', 't-train-1-2.t-train.lab.svc:7473']);
  assert.deepEqual((container['ports'] as { containerPort: number }[]).map(({ containerPort }) => containerPort), [7470, 7471, 7472, 7473, 8080]);
});

test('the longest names stay within 63 characters', () => {
  const gang = training({ batchSize: 2048, gang: { workers: 1024 } });
  const long = { ...gang, metadata: { ...gang.metadata, name: 'a'.repeat(40) } };
  const { Job, Service } = made(long, 9999);
  assert.ok(`${Job?.metadata.name ?? ''}-1023`.length <= 63 && (Service?.metadata.name.length ?? 99) <= 63);
});

test('GPUs by the name and number of the spec; none on the CPU', () => {
  assert.deepEqual(pod(training(gangOf({ gpu: { resource: 'amd.com/gpu' } }))).spec.containers[0].resources.limits, { 'amd.com/gpu': 4 });
  const cpu = pod(training(gangOf({ gpu: { perRank: 0 } }))).spec.containers[0];
  assert.deepEqual(cpu.resources.limits, {});
  assert.equal(cpu.env.find(({ name }) => name === 'SRDIT_DEVICE')?.value, 'cpu');
});

test('pods are restricted: no root, no writable root, no capabilities, no token', () => {
  const { spec: podSpec } = pod(training());
  const container = podSpec.containers[0]['securityContext'];
  assert.deepEqual(container, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  const { runAsNonRoot, seccompProfile } = podSpec['securityContext'] as Record<string, unknown>;
  assert.deepEqual([runAsNonRoot, seccompProfile, podSpec['automountServiceAccountToken']], [true, { type: 'RuntimeDefault' }, false]);
});

test('shared memory is memory, 1 GiB a rank', () => {
  const { volumes, containers: [container] } = pod(training(gangOf({}))).spec;
  const name = container.volumeMounts.find(({ mountPath }) => mountPath === '/dev/shm')?.name;
  assert.deepEqual(volumes.find((volume) => volume.name === name)?.['emptyDir'], { medium: 'Memory', sizeLimit: '4Gi' });
});

test('the grace period comes from the size of the checkpoint: known, estimated, or set', () => {
  const grace = (gang: Gang, bytes?: number): number => pod(gang, bytes === undefined ? undefined : { checkpoints: { last: { step: 1, uri: 'file:///runs/t/1', bytes, digest: 'd' } } }).spec.terminationGracePeriodSeconds;
  assert.equal(grace(training(), 5e9), 60 + 100);
  assert.equal(grace(training(), 1e12), 900, 'never more than 15 minutes');
  // 28 blocks of 18 x 1152² weights, 16 bytes each: 10.7 GB at 50 MB/s.
  assert.equal(grace(training({ model: { preset: 'SiT-XL/1', classToken: false } })), 60 + 215);
  assert.equal(grace(training({ pod: { terminationGracePeriodSeconds: 17 } }), 5e9), 17);
});

test('overrides are added, and the plan wins where both speak', () => {
  const gang = training({
    ...gangOf({ gpu: { perRank: 1 } }),
    pod: {
      labels: { team: 'a', 'app.kubernetes.io/managed-by': 'me' }, nodeSelector: { zone: 'b' }, env: [{ name: 'A', value: '1' }],
      resources: { limits: { 'nvidia.com/gpu': 99, memory: '8Gi' }, requests: { cpu: '2' } },
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }], volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'data', mountPath: '/tmp' }],
    },
  });
  const { metadata, spec: podSpec } = pod(gang);
  const [container] = podSpec.containers;
  assert.deepEqual([metadata.labels['team'], metadata.labels['app.kubernetes.io/managed-by']], ['a', 'srdit']);
  assert.deepEqual(podSpec['nodeSelector'], { zone: 'b' });
  assert.equal(container.env.at(-1)?.name, 'A');
  assert.deepEqual(container.resources, { limits: { 'nvidia.com/gpu': 4, memory: '8Gi' }, requests: { cpu: '2' } });
  assert.deepEqual(container.volumeMounts.map(({ name, mountPath }) => `${name} ${mountPath}`), ['srdit-tmp /tmp', 'srdit-shm /dev/shm', 'data /data']);
  assert.equal(podSpec['automountServiceAccountToken'], false);
});

test('the Service gives names to pods that are not ready', () => {
  const { clusterIP, publishNotReadyAddresses } = spec<Record<string, unknown>>(made(training()).Service);
  assert.deepEqual([clusterIP, publishNotReadyAddresses], ['None', true]);
});

test('the NetworkPolicy admits the gang to its ports and the operator to HTTP, nobody else', () => {
  const { NetworkPolicy, Job } = made(training(gangOf({ gpu: { perRank: 0 } })));
  const policy = spec<{ podSelector: { matchLabels: Record<string, string> }; ingress: { from: unknown[]; ports?: unknown[] }[] }>(NetworkPolicy);
  const labels = spec<{ template: PodTemplate }>(Job).template.metadata.labels;
  for (const [label, value] of Object.entries(policy.podSelector.matchLabels)) assert.equal(labels[label], value);
  assert.deepEqual(policy.ingress, [
    { from: [{ podSelector: policy.podSelector }], ports: [{ protocol: 'TCP', port: 7470, endPort: 7473 }] },
    { from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'srdit-system' } } }], ports: [{ protocol: 'TCP', port: 8080 }] },
  ]);
});

for (const gang of [training(), evaluation({ checkpoint: { uri: 'gs://bucket/runs/t/attempts/1/checkpoints/000000100' } })]) {
  test(`the pods of an ${gang.kind} are told its spec and attempt, without what is for Kubernetes alone`, () => {
    const run = toldBy(made(changed(gang, { pod: { nodeSelector: { zone: 'b' } } }), 3).Job);
    assert.deepEqual([run.kind, run.attempt, run.uid, run.spec], [gang.kind, 3, 'uid-1', gang.spec]);
  });
}
