import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from '../../operator/cli/render.ts';
import { eventually } from '../eventually.ts';
import { CONTRACT_RANK } from '../images.ts';
import type { Scenario } from '../scenario.ts';
import { training } from '../training.ts';

interface Pods { items: { metadata: { name: string }; spec: { nodeName: string }; status: { phase: string; containerStatuses?: { state: { terminated?: { exitCode: number; message?: string } } }[] } }[] }

export default {
  title: 'the rendered objects of a training are a gang: pods with GPUs on nodes, found by name, ended with a last word',
  needs: ['contract-rank'],
  async run({ namespace, data, apply, kubectl, get }) {
    const file = join(data, 'training.yaml');
    writeFileSync(file, JSON.stringify(training('gang', namespace, { steps: 100, gang: { workers: 4, gpu: { perRank: 1 } }, checkpoints: { everySteps: 40 } })));
    await apply(render([file], { attempt: '1', status: false, image: CONTRACT_RANK }));
    await kubectl('wait', '--for=condition=Complete', 'job/gang-train-1', '--timeout=90s');
    const { items } = await get<Pods>('pods');
    assert.equal(items.length, 4);
    for (const { status } of items) assert.equal(status.containerStatuses?.[0]?.state.terminated?.exitCode, 0);
    const words = await eventually('the last words', 5, () => items.map(({ status }) => JSON.parse(status.containerStatuses?.[0]?.state.terminated?.message ?? '') as { rank: number; step: number; reason: string }));
    assert.deepEqual(words.map(({ rank, step, reason }) => [rank, step, reason]).sort(), [0, 1, 2, 3].map((rank) => [rank, 100, 'Complete']));
    const written = readdirSync(join(data, 'runs/gang/attempts/1/checkpoints')).sort();
    assert.deepEqual(written, ['000000040', '000000080', '000000100']);
    assert.equal((JSON.parse(readFileSync(join(data, 'runs/gang/attempts/1/checkpoints/000000100/manifest.json'), 'utf8')) as { step: number }).step, 100);
  },
} satisfies Scenario;
