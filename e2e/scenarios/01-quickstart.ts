import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import type { EvaluationStatus, TrainingStatus } from '@srdit/crds';
import { bytesOf, MANIFEST_LIMIT_BYTES, parseManifest } from '@srdit/runtime/checkpoint/manifest.ts';
import { packDataset } from '@srdit/runtime/data/pack.ts';
import { sourceFolder } from '@srdit/runtime/data/testing.ts';
import { Bucket } from '../bucket.ts';
import { eventually } from '../eventually.ts';
import { podsOf } from '../pods.ts';
import type { Scenario, World } from '../scenario.ts';
import { condition, is, status } from '../training.ts';

const QUICKSTART = join(import.meta.dirname, '../../examples/quickstart');
const STEPS = 60;

/** What a user who tries the quickstart on a cluster writes beside it: its own files, with a bucket, GPUs (which are only counted here) and less of everything. */
const kustomization = (folder: string, bucket: Bucket): object => {
  const pod = { env: bucket.env, resources: { requests: { cpu: '100m', memory: '300Mi' }, limits: { memory: '2Gi' } } };
  const apart = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { 'app.kubernetes.io/instance': 'emoji', 'app.kubernetes.io/name': 'srdit-training' } } }] } };
  const patch = (kind: string, spec: object): object => ({ patch: stringify({ apiVersion: 'srdit.dev/v1alpha1', kind, metadata: { name: 'emoji' }, spec }) });
  return {
    resources: ['training.yaml', 'evaluation.yaml'].map((file) => relative(folder, join(QUICKSTART, file))),
    patches: [
      patch('SRDiTTraining', {
        data: { uri: bucket.uri('datasets/emoji') }, storage: { uri: bucket.uri('runs/emoji') }, model: { size: { depth: 4, hiddenSize: 128 } }, batchSize: 18, steps: STEPS, optimizer: { warmupSteps: 5, decaySteps: 20 },
        checkpoints: { everySteps: 20 }, samples: { everySteps: 30, count: 9, sampler: { steps: 4 } }, gang: { gpu: { perRank: 1 }, backoffSeconds: 0 }, pod: { ...pod, affinity: apart },
      }),
      patch('SRDiTEvaluation', { count: 36, batchSize: 18, sampler: { steps: 4 }, reference: { data: bucket.uri('datasets/emoji') }, storage: { uri: bucket.uri('runs/emoji-evaluation') }, pod }),
    ],
  };
};

/** Words of a printed table's first line, and of the line of a resource. */
async function columns(world: World, ...args: string[]): Promise<{ head: string; row: string }> {
  const [head = '', row = ''] = (await world.kubectl('get', ...args)).trim().split('\n');
  world.note(`${head}\n${row}`);
  return { head: head.split(/ {2,}/).join(', '), row };
}

export default {
  title: 'the quickstart on a cluster: its YAML with a bucket and two workers with a GPU each trains on two nodes, survives a deleted pod, and is evaluated; kubectl shows it all',
  needs: ['operator', 'runtime', 'bucket'],
  async run(world) {
    const { data, kubectl, apply, get } = world;
    await using bucket = await Bucket.create(world);
    const source = await sourceFolder(join(data, 'source'), { count: 72, side: 32, classes: 9 });
    await packDataset(source, bucket.open(bucket.uri('datasets/emoji')), { patch: 8, shardRows: 36 });
    const folder = join(data, 'kustomize');
    mkdirSync(folder);
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization(folder, bucket)));
    await apply(await kubectl('kustomize', folder, '--load-restrictor', 'LoadRestrictionsNone'));

    const running = await status(world, 'emoji', 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) >= 20, 400);
    assert.ok((running.progress?.loss ?? 0) > 0 && (running.progress?.imagesPerSecond ?? 0) > 0 && running.progress?.of === STEPS, JSON.stringify(running.progress));
    const pods = await podsOf(world, 'emoji', 1);
    assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), ['node1', 'node2']);
    const { head, row } = await columns(world, 'srdt', '-o', 'wide');
    assert.equal(head, 'NAME, STATE, STEP, PROGRESS, LOSS, IMG/S, RESTARTS, AGE, ETA, LAST CHECKPOINT');
    assert.match(row, /^emoji +Running +\d+ +\d+ +[\d.e-]+ +[\d.]+ +\d+ +\w+ +\d+ +\d+$/);
    const { row: waits } = await columns(world, 'srde');
    assert.match(waits, /^emoji +Pending /, 'nothing is measured before the training is complete');
    await kubectl('delete', 'pod', pods[1]?.metadata.name ?? '', '--wait=false');

    const done = await status(world, 'emoji', 'complete', is('Complete'), 400);
    assert.deepEqual([done.attempt, done.restarts?.charged, done.restarts?.free, condition(done, 'Complete')?.status], [2, 0, 1, 'True']);
    await checkpointsAndGrid(bucket, done);
    assert.match((await columns(world, 'srdt')).row, new RegExp(`^emoji +Complete +${STEPS} +100 `));

    const measured = await eventually('the evaluation', 300, async () => {
      const { status: now } = await get<{ status?: EvaluationStatus }>('srditevaluation', 'emoji');
      if (now?.state === 'Failed') throw new Error(JSON.stringify(now));
      return now?.state === 'Complete' ? now : undefined;
    });
    world.note(JSON.stringify(measured));
    const [result] = measured.results ?? [];
    assert.deepEqual([result?.count, result?.step, result?.checkpoint, result?.features], [36, STEPS, done.checkpoints?.last?.uri, 'pixels 8x8']);
    for (const number of [result?.frechetDistance, result?.precision, result?.recall]) assert.ok(Number.isFinite(number), JSON.stringify(result));
    assert.ok(await bucket.open(bucket.uri('runs/emoji-evaluation')).exists('result.json'));
    const told = await columns(world, 'srde', '-o', 'wide');
    assert.equal(told.head, 'NAME, STATE, STEP, PROGRESS, FD, IMG/S, RESTARTS, AGE, ETA, CHECKPOINT');
    assert.match(told.row, new RegExp(`^emoji +Complete +${STEPS} +100 +[\\d.e+-]+ .*gs://`));
    await explained(world);
  },
} satisfies Scenario;

/** What status tells lies in the bucket, whole. */
async function checkpointsAndGrid(bucket: Bucket, { checkpoints, samples }: TrainingStatus): Promise<void> {
  const last = checkpoints?.last;
  assert.equal(last?.uri, bucket.uri(`runs/emoji/attempts/2/checkpoints/${String(STEPS).padStart(9, '0')}`));
  const storage = bucket.open(last.uri);
  const manifest = parseManifest(await storage.read('manifest.json', { limitBytes: MANIFEST_LIMIT_BYTES }), last.uri);
  assert.deepEqual([manifest.step, bytesOf(manifest)], [STEPS, last.bytes]);
  for (const { name, bytes } of manifest.files) assert.equal(await storage.size(name), bytes, name);
  const newest = checkpoints?.newest?.map(({ step }) => step) ?? [];
  assert.deepEqual(newest.filter((step) => step >= STEPS - 20 || step !== checkpoints?.best?.step), [STEPS, STEPS - 20], 'two are kept, and the best');
  for (const { uri } of checkpoints?.newest ?? []) assert.ok(await bucket.open(uri).exists('manifest.json'), uri);

  const [, at = '', name = ''] = /^(.*)\/([^/]+)$/.exec(samples?.uri ?? '') ?? [];
  assert.equal(samples?.step, STEPS);
  assert.equal(Buffer.from(await bucket.open(at).read(name)).subarray(1, 4).toString(), 'PNG');
}

/** What somebody who has just applied it looks up. */
async function explained({ cluster }: World): Promise<void> {
  for (const [path, sentences] of Object.entries({
    'srdittraining.spec': ['steps <integer> -required- Optimizer steps', 'gang <Object> Pods and processes that train together'],
    'srdittraining.spec.checkpoints': ['DESCRIPTION: When checkpoints are written', 'everySteps <integer> Steps between checkpoints; one is always written at the end and when the run is stopped'],
    'srdittraining.spec.gang.gpu': ['perRank <integer> GPUs a rank asks for; 0 = compute on the CPU'],
  })) {
    const text = (await cluster.kubectl(['explain', path])).replaceAll(/\s+/g, ' ');
    for (const sentence of sentences) assert.ok(text.includes(sentence), `"${sentence}" in ${text}`);
  }
}
