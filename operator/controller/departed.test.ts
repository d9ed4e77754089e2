import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Departed } from './departed.ts';
import type { Pod } from './kubernetes.ts';

const pod = (name: string, attempt: number, exitCode?: number): Pod => ({
  metadata: { name, labels: { 'srdit.dev/uid': 'u', 'srdit.dev/attempt': String(attempt) } },
  status: { phase: 'Running', containerStatuses: [{ name: 'runtime', state: exitCode === undefined ? { running: {} } : { terminated: { exitCode } } }] },
});
const names = (departed: Departed, attempt: number, present: Parameters<Departed['of']>[2] = []): string[] => departed.of('u', attempt, present).map(({ name }) => name);

test('how a pod ended is known after it has gone', () => {
  const departed = new Departed();
  departed.add(pod('a-0', 1, 75));
  const [seen] = departed.of('u', 1, []);
  assert.deepEqual([seen?.name, seen?.phase, seen?.exitCode], ['a-0', 'Failed', 75]);
  assert.deepEqual(departed.of('other', 1, []), []);
});

test('a pod that went without an end says nothing, and one that is there speaks for itself', () => {
  const departed = new Departed();
  departed.add(pod('a-0', 1));
  departed.add(pod('a-1', 1, 0));
  assert.deepEqual(names(departed, 1), ['a-1']);
  assert.deepEqual(names(departed, 1, [{ name: 'a-1', attempt: 1, worker: 1, phase: 'Succeeded' }]), []);
});

test('a pod that went with its node has ended, though its container never said so', () => {
  const departed = new Departed();
  const { metadata, status } = pod('a-0', 1);
  departed.add({ metadata, status: { ...status, phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' }] } });
  const [seen] = departed.of('u', 1, []);
  assert.deepEqual([seen?.phase, seen?.exitCode, seen?.reason], ['Failed', undefined, 'DeletionByPodGC']);
});

test('older attempts are forgotten, and so is a resource that has gone', () => {
  const departed = new Departed();
  departed.add(pod('a-0', 1, 75));
  departed.add(pod('b-0', 2, 137));
  departed.add(pod('c-0', 3, 137));
  assert.deepEqual(names(departed, 2), ['a-0', 'b-0']);
  assert.deepEqual(names(departed, 3), ['b-0', 'c-0']);
  assert.deepEqual(names(departed, 1), []);
  departed.forget('u');
  assert.equal(departed.remembered, 0);
});
