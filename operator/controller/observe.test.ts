import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObservedPod } from '../plan/types.ts';
import type { Pod } from './kubernetes.ts';
import { observedJob, observedPod } from './observe.ts';

const labels = { 'srdit.dev/attempt': '3', 'srdit.dev/uid': 'u1', 'batch.kubernetes.io/job-completion-index': '1' };
const pod = (status: Pod['status'], metadata: Pod['metadata'] = {}): Pod => ({ metadata: { name: 'p', labels, ...metadata }, ...(status === undefined ? {} : { status }) });
const ended = (exitCode: number, more: { reason?: string; message?: string; finishedAt?: string } = {}): Pod['status'] => ({ phase: 'Running', containerStatuses: [{ name: 'runtime', state: { terminated: { exitCode, ...more } } }] });
const word = { exitCode: 65, reason: 'Diverged', message: 'NaN', rank: 0 };

const cases: Record<string, { pod: Pod; want: Partial<ObservedPod> }> = {
  'a pod that nobody has looked at is pending': { pod: pod(undefined), want: { phase: 'Pending', attempt: 3, worker: 1 } },
  'its container ended before its phase says so': { pod: pod(ended(0)), want: { phase: 'Succeeded', exitCode: 0 } },
  'when its container ended': { pod: pod(ended(137, { finishedAt: '2026-01-01T00:00:00Z' })), want: { exitCode: 137, endTime: '2026-01-01T00:00:00Z' } },
  'exit code and last word': { pod: pod(ended(65, { message: JSON.stringify(word) })), want: { phase: 'Failed', exitCode: 65, lastWord: word } },
  'a last word that is none is not believed': { pod: pod(ended(1, { message: '{"exitCode":"evil"}' })), want: { phase: 'Failed', exitCode: 1 } },
  'out of memory': { pod: pod(ended(137, { reason: 'OOMKilled' })), want: { reason: 'OOMKilled' } },
  'an eviction is not what its container says': {
    pod: pod({ ...ended(137, { reason: 'OOMKilled' }), phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] }),
    want: { phase: 'Failed', reason: 'PreemptionByScheduler' },
  },
  'the kubelet evicted it': { pod: pod({ phase: 'Failed', reason: 'Evicted' }), want: { phase: 'Failed', reason: 'Evicted' } },
  'no node takes it': {
    pod: pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes are available' }] }),
    want: { phase: 'Pending', waiting: { reason: 'Unschedulable', message: '0/2 nodes are available' } },
  },
  'its image cannot be pulled': {
    pod: pod({ phase: 'Pending', containerStatuses: [{ name: 'runtime', state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } } }] }),
    want: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' } },
  },
  'told to go': { pod: pod({ phase: 'Running' }, { labels, deletionTimestamp: '2026-01-01T00:00:00Z' }), want: { phase: 'Running', deletionTime: '2026-01-01T00:00:00Z' } },
  'of a namesake that was deleted': { pod: pod({ phase: 'Running' }, { labels: { ...labels, 'srdit.dev/uid': 'u0' } }), want: { attempt: 0 } },
};
for (const [name, { pod: given, want }] of Object.entries(cases)) {
  test(`pod: ${name}`, () => {
    const seen = observedPod(given, 'u1');
    assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, seen[key as keyof ObservedPod]])), want);
    if (want.lastWord === undefined) assert.equal(seen.lastWord, undefined);
  });
}

test('containers that are being created need no words', () => {
  assert.equal(observedPod(pod({ phase: 'Pending', containerStatuses: [{ name: 'runtime', state: { waiting: { reason: 'ContainerCreating' } } }] }), 'u1').waiting, undefined);
});

test('a failed Job tells its reason', () => {
  const job = { metadata: { name: 'j', uid: 'j1', labels }, status: { conditions: [{ type: 'FailureTarget', status: 'True', reason: 'BackoffLimitExceeded' }] } };
  assert.deepEqual(observedJob(job, 'u1'), { name: 'j', attempt: 3, uid: 'j1', failed: 'BackoffLimitExceeded' });
});
