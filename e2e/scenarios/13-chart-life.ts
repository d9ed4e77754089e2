import assert from 'node:assert/strict';
import type { Scenario } from '../scenario.ts';
import { status, training, type Training } from '../training.ts';
import { CHART, OPERATOR_VALUES } from '../run.ts';

export default {
  title: 'helm test is content; helm upgrade with a running gang touches no pod of it',
  needs: ['operator', 'contract-rank'],
  alone: true,
  async run(world) {
    const { apply, helm, namespace, get, kubectl, cluster } = world;
    const test = await helm('test', 'srdit', '--namespace', 'srdit-system', '--timeout', '120s', '--logs');
    assert.equal(test.code, 0, test.stdout + test.stderr);
    await apply(training('u', namespace));
    const before = await status(world, 'u', 'running with progress', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > 0);
    const pods = async (): Promise<string[]> => (await get<{ items: { metadata: { uid: string } }[] }>('pods')).items.map(({ metadata }) => metadata.uid).sort();
    const uids = await pods();
    const replicas = await cluster.kubectl(['-n', 'srdit-system', 'get', 'pods', '-l', 'app.kubernetes.io/name=srdit-operator', '-o', 'name']);
    const upgrade = await helm('upgrade', 'srdit', CHART, '--namespace', 'srdit-system', '--wait', '--timeout', '180s', ...OPERATOR_VALUES, '--set', 'podAnnotations.upgraded=yes', '--set', 'runtime.image.tag=none');
    assert.equal(upgrade.code, 0, upgrade.stderr);
    assert.notEqual(await cluster.kubectl(['-n', 'srdit-system', 'get', 'pods', '-l', 'app.kubernetes.io/name=srdit-operator', '-o', 'name']), replicas, 'the replicas are new ones');
    const after = await status(world, 'u', 'going on under the new operator', (now) => (now.progress?.step ?? 0) > (before.progress?.step ?? 0) + 50);
    assert.deepEqual([after.attempt, after.restarts?.charged ?? 0, await pods()], [1, 0, uids]);
    await kubectl('delete', 'srdt', 'u');
    assert.equal((await get<{ items: Training[] }>('srdt')).items.length, 0);
  },
} satisfies Scenario;
