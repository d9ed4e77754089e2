import assert from 'node:assert/strict';
import { STATES } from '../../crds/schema/status.ts';
import { eventually } from '../eventually.ts';
import { judge } from '../health/verdicts.ts';
import type { Scenario } from '../scenario.ts';
import { is, status, training } from '../training.ts';

export default {
  title: 'Argo CD\'s health script and kstatus judge rightly every status that was seen in all scenarios of this run, and each state once more',
  needs: ['operator', 'contract-rank'],
  // And so after all others.
  alone: true,
  async run(world) {
    const { apply, kubectl, namespace, note, run: { recorder } } = world;
    await apply(
      training('whole', namespace, { steps: 40 }),
      training('wrong', namespace, { data: { uri: 'file:///data/missing' } }),
      training('again', namespace, { gang: { backoffSeconds: 5 } }, { TEST_END: '1:1@30' }),
      training('held', namespace, { pod: { terminationGracePeriodSeconds: 30 } }, { TEST_CHECKPOINT_MS: '3000' }),
    );
    await status(world, 'held', 'running with progress', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > 0);
    await kubectl('patch', 'srdt', 'held', '--type=merge', '-p', '{"spec":{"suspend":true}}');
    await Promise.all([
      status(world, 'whole', 'complete', is('Complete')), status(world, 'wrong', 'failed', is('Failed')), status(world, 'held', 'suspended', is('Suspended')),
      status(world, 'again', 'running again', (now) => now.attempt === 2 && now.state === 'Running'),
    ]);
    const missing = (): string[] => STATES.filter((state) => !recorder.all.some((object) => object.status?.state === state));
    await eventually('the watch to have seen every state', 20, () => missing().length === 0).catch((error: unknown) => { throw new Error(`Nobody was ever seen ${missing().join(' or ')}`, { cause: error }); });
    const objects = recorder.all;
    note(`${objects.length} different statuses`);
    assert.deepEqual([...await judge(objects)].sort(), [...STATES, 'unseen'].sort());
    await kubectl('delete', 'srdt', '--all', '--wait=false');
  },
} satisfies Scenario;
