import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationStatus } from '@srdit/crds';
import { packDataset } from '@srdit/runtime/data/pack.ts';
import { sourceFolder } from '@srdit/runtime/data/testing.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import { eventually } from '../eventually.ts';
import { podsOf } from '../pods.ts';
import type { Scenario } from '../scenario.ts';
import { is, status } from '../training.ts';

/** What pods get of the volume, and memory for TensorFlow. */
const pod = {
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }], volumeMounts: [{ name: 'data', mountPath: '/data' }],
  resources: { requests: { cpu: '100m', memory: '300Mi' }, limits: { memory: '2Gi' } },
};

export default {
  title: 'the real runtime: two workers with a GPU each (which they only count) train on two nodes, survive a deleted pod, and the evaluation measures the checkpoint',
  needs: ['operator', 'runtime'],
  async run(world) {
    const { apply, data, kubectl, get } = world;
    const source = await sourceFolder(join(data, 'source'), { count: 64, side: 16, classes: 4 });
    await packDataset(source, new FileStorage('file:///data/tiny', join(data, 'tiny')), { patch: 4, shardRows: 32 });
    await apply(
      {
        apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name: 'real' },
        spec: {
          model: { size: { depth: 4, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 4, classToken: false }, objective: { alignment: { enabled: false } },
          data: { uri: 'file:///data/tiny', teacherFeatures: false }, batchSize: 16, steps: 150, precision: 'float32', storage: { uri: 'file:///data/runs/real' },
          checkpoints: { everySteps: 25 }, samples: { everySteps: 75, count: 4, sampler: { steps: 4 } }, gang: { workers: 2, backoffSeconds: 0, gpu: { perRank: 1 } },
          pod: { ...pod, affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { 'app.kubernetes.io/instance': 'real', 'app.kubernetes.io/name': 'srdit-training' } } }] } } },
        },
      },
      {
        apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name: 'real' },
        spec: {
          checkpoint: { training: { name: 'real' } }, sampler: { kind: 'Euler', steps: 4, guidance: { scale: 1 } }, count: 32, batchSize: 16, reference: { data: 'file:///data/tiny' },
          features: { kind: 'pixels', size: 8 }, storage: { uri: 'file:///data/runs/real-evaluation' }, gang: { workers: 2, gpu: { perRank: 0 } }, pod,
        },
      },
    );
    const running = await status(world, 'real', 'past its first checkpoint', (now) => (now.checkpoints?.last?.step ?? 0) >= 25, 240);
    assert.ok((running.progress?.loss ?? 0) > 0, JSON.stringify(running.progress));
    const pods = await podsOf(world, 'real', 1);
    assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort(), ['node1', 'node2']);
    await kubectl('delete', 'pod', pods[1]?.metadata.name ?? '', '--wait=false');

    const done = await status(world, 'real', 'complete', is('Complete'), 300);
    assert.equal(done.attempt, 2);
    assert.equal(done.checkpoints?.last?.step, 150);
    const file = (uri: string): string => join(data, uri.slice('file:///data/'.length));
    const manifest = JSON.parse(readFileSync(join(file(done.checkpoints.last.uri), 'manifest.json'), 'utf8')) as { step: number };
    assert.equal(manifest.step, 150);
    assert.ok(done.samples !== undefined && existsSync(file(done.samples.uri)), JSON.stringify(done.samples));
    assert.equal(readFileSync(file(done.samples.uri)).subarray(1, 4).toString(), 'PNG');

    const measured = await eventually('the evaluation', 240, async () => {
      const { status: now } = await get<{ status?: EvaluationStatus }>('srditevaluation', 'real');
      if (now?.state === 'Failed') throw new Error(JSON.stringify(now));
      return now?.state === 'Complete' ? now : undefined;
    });
    world.note(JSON.stringify(measured));
    const [result] = measured.results ?? [];
    assert.deepEqual([result?.count, result?.step, result?.checkpoint], [32, 150, done.checkpoints.last.uri]);
    assert.ok(Number.isFinite(result?.frechetDistance));
  },
} satisfies Scenario;
