import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, command } from './command.ts';

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

test('a program that is not there is an error at once, and nothing is left that keeps this process from ending', async () => {
  const before = timers();
  await assert.rejects(attempt('srdit-is-no-such-program', []), { code: 'ENOENT' });
  assert.equal(timers(), before);
});

test('a command that takes too long is killed', async () => {
  assert.deepEqual(await attempt('sleep', ['600'], { seconds: 0.1 }), { code: 137, stdout: '', stderr: '' });
});

test('a command that fails tells itself, its exit code and what it complained of', async () => {
  assert.equal(await command('sh', ['-c', 'cat; exit 0'], { input: 'a line' }), 'a line');
  await assert.rejects(command('sh', ['-c', 'echo "no disk" >&2; exit 3']), { name: 'CommandError', message: '`sh -c echo "no disk" >&2; exit 3` ended with 3: no disk' });
});
