import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TrainingStatus } from '@srdit/crds';
import { training } from '../plan/testing/resources.ts';
import { endingOf } from './ending.ts';
import { layout } from './files.ts';
import type { Stored } from './state.ts';

const places = layout(join(process.cwd(), '.srdit'));
const ended = (prefix: string): string[] => {
  const status: TrainingStatus = {
    state: 'Complete', progress: { step: 12, of: 12, percent: 100, loss: 1.5 },
    checkpoints: { last: { step: 12, uri: `${prefix}/attempts/1/checkpoints/000000012`, bytes: 1, digest: 'd' } }, samples: { step: 12, uri: `${prefix}/attempts/1/samples/000000012.png` },
  };
  return endingOf({ ...training(), status } as Stored, places);
};

test('what lies on this machine is named by its path from here', () => {
  const lines = ended('file:///runs/a');
  assert.match(lines[0] ?? '', /complete, 12 steps, loss 1\.5/);
  assert.deepEqual(lines.slice(1, 3), ['  checkpoint  .srdit/volumes/runs/a/attempts/1/checkpoints/000000012 (step 12)', '  samples     .srdit/volumes/runs/a/attempts/1/samples/000000012.png']);
});

test('what lies in a bucket keeps its uri', () => {
  assert.deepEqual(ended('gs://bucket/runs/a').slice(1, 3), ['  checkpoint  gs://bucket/runs/a/attempts/1/checkpoints/000000012 (step 12)', '  samples     gs://bucket/runs/a/attempts/1/samples/000000012.png']);
});
