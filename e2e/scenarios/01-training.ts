import assert from 'node:assert/strict';
import type { EvaluationStatus } from '@srdit/crds';
import { eventually } from '../eventually.ts';
import { CONTRACT_RANK } from '../images.ts';
import type { Scenario } from '../scenario.ts';
import { condition, is, status, training, type Training } from '../training.ts';

export default {
  title: 'an applied training becomes a gang, tells its progress in columns and status, and is complete; the evaluation after it has its result',
  needs: ['operator', 'contract-rank'],
  async run(world) {
    const { namespace, apply, kubectl, get } = world;
    await apply(
      training('a', namespace, { steps: 300, gang: { workers: 2, gpu: { perRank: 1 } } }, { TEST_STEP_MS: '30' }),
      {
        apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name: 'a' },
        spec: {
          image: CONTRACT_RANK, checkpoint: { training: { name: 'a' } }, reference: { npz: 'file:///data/reference.npz' }, storage: { uri: 'file:///data/runs/a-evaluation' }, count: 60,
          gang: { workers: 2, gpu: { perRank: 0 } },
          pod: (training('a', namespace) as { spec: { pod: object } }).spec.pod,
        },
      },
    );
    const running = await status(world, 'a', 'running with progress', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > 0);
    assert.deepEqual([running.attempt, condition(running, 'Running')?.status, running.progress?.of], [1, 'True', 300]);
    const wide = await kubectl('get', 'srdt', 'a', '-o', 'wide');
    world.note(wide);
    for (const column of ['NAME', 'STATE', 'STEP', 'PROGRESS', 'LOSS', 'IMG/S', 'RESTARTS', 'AGE', 'ETA', 'LAST CHECKPOINT']) assert.ok(wide.includes(column), `${column} in ${wide}`);
    assert.match(wide, /^a +Running +\d+/m);
    const waiting = await get<{ status?: EvaluationStatus }>('srditevaluation', 'a');
    assert.equal(waiting.status?.state, 'Pending', 'nothing is measured before the training is complete');

    const done = await status(world, 'a', 'complete', is('Complete'));
    assert.deepEqual([condition(done, 'Complete')?.status, condition(done, 'Failed')?.status, done.checkpoints?.last?.step, done.restarts?.charged ?? 0], ['True', 'False', 300, 0]);
    assert.equal(done.checkpoints?.last?.uri, 'file:///data/runs/a/attempts/1/checkpoints/000000300');
    assert.equal(done.observedGeneration, (await get<Training>('srdittraining', 'a')).metadata.generation);
    const measured = await eventually('the evaluation', 60, async () => {
      const { status: now } = await get<{ status?: EvaluationStatus }>('srditevaluation', 'a');
      return now?.state === 'Complete' ? now : undefined;
    });
    assert.deepEqual([measured.results?.[0]?.frechetDistance, measured.results?.[0]?.checkpoint], [1.5, done.checkpoints.last.uri]);
    assert.match(await kubectl('get', 'srde', 'a'), /^a +Complete +\d+ +100 +1\.5/m);
    // The API server and kubectl agree on who made what.
    const { items } = await get<{ items: { metadata: { ownerReferences: { kind: string; name: string; controller: boolean }[] } }[] }>('jobs');
    assert.deepEqual(items.map(({ metadata }) => metadata.ownerReferences[0]?.kind).sort(), ['SRDiTEvaluation', 'SRDiTTraining']);
    const told = await kubectl('describe', 'srdt', 'a');
    world.note(told);
    assert.match(told, /Events:[^]*srdit/, 'events say what has happened');
  },
} satisfies Scenario;
