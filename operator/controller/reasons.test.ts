import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RESTART_REASONS } from '../plan/outcome.ts';
import { WAITS } from './announce.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Reasons as the sources write them: `reason: 'X'`, and X of the short forms of conditions.ts. */
const FORMS = [/\breason: '([A-Z]\w+)'/g, /\brunning\((?:true|false), '([A-Z]\w+)'/g, /\bsay\('\w+', (?:true|false), '([A-Z]\w+)'/g];
const written = (texts: readonly string[]): string[] => texts.flatMap((source) => FORMS.flatMap((form) => [...source.matchAll(form)].map(([, reason = '']) => reason)));

const sources = (folder: string): string[] => globSync(`${folder}/*.ts`, { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts')).map(read);
/** What a condition may say; events besides: what has happened needs no mending. */
const inConditions = new Set([...written(sources('operator/plan')), ...WAITS, ...RESTART_REASONS]);
const HAPPENED = new Set(['Started', 'Restarted', 'Restarting', 'CheckpointWritten', 'CheckpointMeasured']);
const inEvents = new Set(written(sources('operator/controller')).filter((reason) => !HAPPENED.has(reason)));
/** Kubernetes' own, and kopf-ts's. */
const OTHERS = ['SchedulingGated', 'ReconcileFailed'];

const page = read('docs/troubleshooting.md');
const section = page.slice(page.indexOf('## Reasons of conditions'), page.indexOf('\n## ', page.indexOf('## Reasons of conditions') + 3));
const explained = new Set([...section.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, reason = '']) => reason)));

test('the sources are read: reasons of every kind are found', () => {
  for (const reason of ['AllWorkersRunning', 'GangNotRunning', 'Ended', 'RestartsSpent', 'NoCheckpoint', 'TrainingNotFound', 'FailedCreate', 'PodGone']) assert.ok(inConditions.has(reason), reason);
  assert.ok(inEvents.has('NameTaken'));
});

test('docs/troubleshooting.md has an entry for each reason, and for none that is not there', () => {
  const known = new Set([...inConditions, ...inEvents, ...OTHERS]);
  assert.deepEqual([...known].filter((reason) => !explained.has(reason)).sort(), [], 'without an entry');
  assert.deepEqual([...explained].filter((reason) => !known.has(reason)).sort(), [], 'entries of no reason');
});
