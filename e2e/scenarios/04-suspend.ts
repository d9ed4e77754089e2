import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packedPictures } from '@srdit/runtime/data/testing.ts';
import { FileStorage } from '@srdit/runtime/storage/file.ts';
import { eventually } from '../eventually.ts';
import { rankProcesses } from '../pods.ts';
import { onVolume, realTraining } from '../real.ts';
import type { Scenario } from '../scenario.ts';
import { condition, is, status } from '../training.ts';

export default {
  title: 'the real runtime: a suspended training writes a checkpoint and ends its pods; awake again it goes on from there, with more workers if asked for',
  needs: ['operator', 'runtime'],
  async run(world) {
    const { kubectl, get, apply, data } = world;
    await packedPictures(join(data, 'source'), new FileStorage('file:///data/tiny', join(data, 'tiny')));
    await apply(realTraining('s', {
      data: { uri: 'file:///data/tiny' }, storage: { uri: 'file:///data/runs/s' }, steps: 1_000_000, checkpoints: { everySteps: 1_000_000 }, pod: { terminationGracePeriodSeconds: 30, ...onVolume },
    }));
    await status(world, 's', 'running with progress', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > 20, 300);
    await kubectl('patch', 'srdt', 's', '--type=merge', '-p', '{"spec":{"suspend":true}}');
    const suspended = await status(world, 's', 'suspended', is('Suspended'), 90);
    assert.equal(condition(suspended, 'Suspended')?.status, 'True');
    assert.deepEqual(rankProcesses(world, /^s-train-/), []);
    await eventually('its pods to be gone', 30, async () => (await get<{ items: unknown[] }>('pods')).items.length === 0);
    const stopped = suspended.checkpoints?.last?.step ?? 0;
    assert.ok(stopped > 20, `the checkpoint of the stop: ${stopped}`);

    await kubectl('patch', 'srdt', 's', '--type=merge', '-p', '{"spec":{"suspend":false,"gang":{"workers":4},"steps":1000001}}');
    const again = await status(world, 's', 'running again', (now) => now.state === 'Running' && (now.progress?.step ?? 0) > stopped, 300);
    assert.deepEqual([again.attempt, again.restarts?.charged ?? 0, again.progress?.of], [2, 0, 1_000_001]);
    assert.equal((await get<{ items: unknown[] }>('pods')).items.length, 4);
    await kubectl('delete', 'srdt', 's', '--wait=true');
    await eventually('everything that was made for it to be gone', 30, async () => (await kubectl('get', 'jobs,pods,services,networkpolicies', '-l', 'app.kubernetes.io/instance=s', '-o', 'name')) === '');
    assert.ok(existsSync(`${world.data}/runs/s/attempts/1/claim`), 'what it has trained stays');
  },
} satisfies Scenario;
