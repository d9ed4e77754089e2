import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './log.ts';
import type { LogOptions } from './log.ts';
import { FakeClock } from '../testing/index.ts';

function start(options: LogOptions = {}) {
  const lines: string[] = [];
  return { lines, log: createLogger({ clock: new FakeClock(), write: (line) => { lines.push(line); }, ...options }) };
}

test('a line is one JSON object with the fields of its context', () => {
  const { lines, log } = start();
  log.with({ controller: 'room' }).with({ key: 'a/b' }).info('Painted', { colour: 'red\nblue' });
  log.debug('not said');
  assert.deepEqual(lines.map((line) => JSON.parse(line) as unknown), [{ time: '2030-01-01T00:00:00.000Z', level: 'info', message: 'Painted', controller: 'room', key: 'a/b', colour: 'red\nblue' }]);
});

test('errors are data, with their causes and, where nobody expected them, their stack', () => {
  const { lines, log } = start();
  log.error('Failed', { error: new TypeError('outer', { cause: new Error('inner') }) });
  const { error } = JSON.parse(lines[0] as string) as { error: { name: string; message: string; stack: string; cause: { message: string } } };
  assert.deepEqual([error.name, error.message, error.cause.message], ['TypeError', 'outer', 'inner']);
  assert.match(error.stack, /log.test.ts/);
});

test('as text for people', () => {
  const { lines, log } = start({ format: 'text', level: 'debug' });
  log.debug('Painted', { colour: 'red', chairs: 2, error: new Error('a b') });
  assert.deepEqual(lines, ['00:00:00.000 DEBUG Painted colour=red chairs=2 error="a b"']);
});
