import assert from 'node:assert/strict';
import type { EvaluationStatus } from '@srdit/crds';
import { eventually } from '../eventually.ts';
import { CONTRACT_RANK } from '../images.ts';
import { podsOf, PodWatch } from '../pods.ts';
import type { Scenario } from '../scenario.ts';
import { is, status, training } from '../training.ts';

export default {
  title: 'an evaluation of every checkpoint measures them beside the training, a gang each; a pod that is deleted in a round costs one free restart, and the round keeps its checkpoint',
  needs: ['operator', 'contract-rank'],
  async run(world) {
    const { namespace, apply, kubectl, get } = world;
    using watch = new PodWatch(world.cluster, namespace);
    const podOf = (stepMilliseconds: string): object => (training('c', namespace, {}, { TEST_STEP_MS: stepMilliseconds }) as { spec: { pod: object } }).spec.pod;
    await apply(
      training('c', namespace, { steps: 300, checkpoints: { everySteps: 50, keep: 6 } }, { TEST_STEP_MS: '50' }),
      {
        apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTEvaluation', metadata: { name: 'curve' },
        spec: {
          image: CONTRACT_RANK, count: 30, checkpoint: { training: { name: 'c', which: 'Every', everySteps: 100 } }, reference: { npz: 'file:///data/reference.npz' },
          storage: { uri: 'file:///data/runs/curve' }, gang: { workers: 2, backoffSeconds: 0, gpu: { perRank: 0 } }, pod: podOf('100'),
        },
      },
    );
    const evaluation = async (what: string, wanted: (status: EvaluationStatus) => boolean): Promise<EvaluationStatus> => {
      const found = await eventually(`the evaluation to ${what}`, 120, async () => {
        const { status: now } = await get<{ status?: EvaluationStatus }>('srditevaluation', 'curve');
        return now !== undefined && wanted(now) ? now : undefined;
      });
      world.note(`${what}: ${JSON.stringify(found)}`);
      return found;
    };
    const waiting = await evaluation('wait for a checkpoint', ({ state }) => state === 'Pending');
    assert.match(waiting.conditions?.find(({ type }) => type === 'Running')?.message ?? '', /checkpoint of step 100/);
    assert.deepEqual(await podsOf(world, 'curve', 1), [], 'no GPU is held meanwhile');

    await evaluation('measure the first', ({ state, series }) => state === 'Running' && series?.round?.step === 100);
    assert.equal((await status(world, 'c', 'still training', ({ state }) => state === 'Running')).state, 'Running');
    await kubectl('delete', 'pod', (await podsOf(world, 'curve', 1))[1]?.metadata.name ?? '', '--wait=false');
    const again = await evaluation('go on as attempt 2', ({ attempt, state }) => attempt === 2 && state === 'Running');
    assert.deepEqual([again.series?.round?.step, again.restarts?.charged, again.restarts?.free], [100, 0, 1]);

    await status(world, 'c', 'complete', is('Complete'));
    const done = await evaluation('be complete', ({ state }) => state === 'Complete');
    assert.deepEqual(done.results?.map(({ step }) => step), [300, 200, 100]);
    assert.deepEqual([done.attempt, done.series, done.restarts?.charged, done.restarts?.free], [4, { through: 300, measured: 3 }, 0, 1]);
    assert.match(await kubectl('get', 'srde', 'curve'), /^curve +Complete +\d+ +100 +1\.5/m);
    watch.apart({ c: 1, curve: 4 });
  },
} satisfies Scenario;
