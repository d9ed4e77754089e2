import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario, World } from '../scenario.ts';
import { is, status, training, type Training } from '../training.ts';

export default {
  title: 'with a Role alone the operator serves its namespaces and leaves the others alone',
  needs: ['operator', 'contract-rank'],
  alone: true,
  async run(world) {
    const { namespace, run } = world;
    await run.installOperator('--set', `namespaces={${namespace}}`);
    try {
      await serves(world);
    } finally {
      await run.installOperator();
    }
  },
} satisfies Scenario;

async function serves(world: World): Promise<void> {
  const { cluster, namespace } = world;
  const roles = await cluster.kubectl(['get', 'clusterroles,clusterrolebindings', '-l', 'app.kubernetes.io/part-of=srdit', '-o', 'name']);
  assert.equal(roles, '', 'no right beyond the namespaces');
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(training('elsewhere', 'default')) });
  await world.apply(training('here', namespace, { steps: 40 }));
  await status(world, 'here', 'complete', is('Complete'));
  await sleep(2000);
  assert.equal((await cluster.get<Training>('srdt', 'elsewhere', '-n', 'default')).status?.state, undefined);
  await cluster.kubectl(['delete', 'srdt', 'elsewhere', '-n', 'default']);
}
