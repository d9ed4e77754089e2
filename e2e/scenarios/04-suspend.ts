import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { eventually } from '../eventually.ts';
import type { Scenario } from '../scenario.ts';
import { condition, is, status, training } from '../training.ts';

export default {
  title: 'a suspended training writes a checkpoint and ends its pods; awake again it goes on from there, with more workers if asked for',
  needs: ['operator', 'contract-rank'],
  async run(world) {
    const { kubectl, get, apply, namespace } = world;
    await apply(training('s', namespace, { checkpoints: { everySteps: 1_000_000 } }));
    await status(world, 's', 'running with progress', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > 20);
    await kubectl('patch', 'srdt', 's', '--type=merge', '-p', '{"spec":{"suspend":true}}');
    const suspended = await status(world, 's', 'suspended', is('Suspended'));
    assert.equal(condition(suspended, 'Suspended')?.status, 'True');
    assert.deepEqual((await get<{ items: unknown[] }>('pods')).items, []);
    const stopped = suspended.checkpoints?.last?.step ?? 0;
    assert.ok(stopped > 20, `the checkpoint of the stop: ${stopped}`);

    await kubectl('patch', 'srdt', 's', '--type=merge', '-p', '{"spec":{"suspend":false,"gang":{"workers":4},"steps":1000001}}');
    const again = await status(world, 's', 'running again', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > stopped);
    assert.deepEqual([again.attempt, again.restarts?.charged ?? 0, again.progress?.of], [2, 0, 1_000_001]);
    assert.equal((await get<{ items: unknown[] }>('pods')).items.length, 4);
    await kubectl('delete', 'srdt', 's', '--wait=true');
    await eventually('everything that was made for it to be gone', 30, async () => (await kubectl('get', 'jobs,pods,services,networkpolicies', '-l', 'app.kubernetes.io/instance=s', '-o', 'name')) === '');
    assert.ok(existsSync(`${world.data}/runs/s/attempts/1/claim`), 'what it has trained stays');
  },
} satisfies Scenario;
