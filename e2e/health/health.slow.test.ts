/** Statuses that a whole run of the scenarios left (.srdit/e2e/statuses.json), judged again without a cluster. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { STATES } from '../../crds/schema/status.ts';
import { madeOrMissing } from '../cluster/missing-part.ts';
import type { Recorded } from './recorded.ts';
import { judge, verdicts } from './verdicts.ts';

const recorded = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as Recorded[];
const skip = (await madeOrMissing(verdicts([]))).missing ?? false;

test('Argo CD and kstatus judge the recorded statuses rightly, of every state', { skip }, async () => {
  assert.deepEqual([...await judge(recorded)].sort(), [...STATES, 'unseen'].sort());
});

test('what was changed and not yet looked at is in progress, whatever it was before', { skip }, async () => {
  const changed = recorded.map((object) => ({ ...object, metadata: { ...object.metadata, generation: object.metadata.generation + 1 } }));
  assert.deepEqual([...await judge(changed)], ['unseen']);
});
