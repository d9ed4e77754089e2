import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { count, exitCode, lastLine } from './result.ts';
import { wanted } from './select.ts';
import { fileTasks } from './tasks.ts';

const root = mkdtempSync(join(tmpdir(), 'srdit-harness-'));
after(() => rmSync(root, { recursive: true, force: true }));
const head = "import { describe, test } from 'node:test';\n";

const files: Record<string, { text: string; want: string; says?: RegExp }> = {
  'tests that pass, fail, are skipped and are still to be done': {
    text: "test('a', () => {}); test('b', () => { throw new Error('no b'); }); test('c', { skip: 'no c here' }, () => {}); test('d', { todo: true }, () => {});",
    want: '1 passed, 1 failed, 2 skipped', says: /no b/,
  },
  'a test counts through the tests it holds': {
    text: "test('outer', async (t) => { await t.test('one', () => {}); await t.test('two', () => {}); }); describe('suite', () => { test('three', () => {}); });",
    want: '3 passed, 0 failed',
  },
  'a suite that is skipped as a whole': { text: "describe('suite', { skip: 'no Go' }, () => { test('a', () => {}); test('b', () => {}); });", want: '0 passed, 0 failed, 1 skipped' },
  'a file that cannot be loaded': { text: "import './missing.ts';", want: '0 passed, 1 failed', says: /missing\.ts/ },
  'a file that dies in the middle': { text: "test('a', () => {}); test('b', () => { process.kill(process.pid, 'SIGSEGV'); });", want: '0 passed, 1 failed', says: /ended by a signal/ },
  'a file that exits early': { text: "test('a', () => {}); test('b', () => { process.exit(0); });", want: '0 passed, 1 failed' },
  'a file without tests': { text: "console.log('nothing');", want: '0 passed, 1 failed', says: /holds no test/ },
  'a test that never ends': { text: "test('a', () => {}); test('b', () => new Promise(() => { setInterval(() => {}, 1000); }));", want: '0 passed, 1 failed', says: /ran past its limit/ },
  'an error outside of the tests': { text: "test('a', () => {}); setTimeout(() => { throw new Error('late'); }, 50); test('b', () => new Promise((resolve) => { setTimeout(resolve, 2000); }));", want: '2 passed, 1 failed', says: /late/ },
};
for (const [name, { text, want, says }] of Object.entries(files)) {
  test(`counted: ${name}`, async () => {
    const file = `${name.replaceAll(/\W/g, '-')}.test.ts`;
    writeFileSync(join(root, file), head + text);
    const [task] = fileTasks(root, [file], { file: 0.1, slowFile: 0.1 });
    const results = await task?.run() ?? [];
    const counts = count(results);
    // What had passed before a file died may or may not have been written down; that it failed is what counts.
    const wanted = want.startsWith('0 passed, 1 failed') ? { ...counts, passed: 0 } : counts;
    assert.equal(lastLine(wanted), want, JSON.stringify(results));
    assert.equal(exitCode(counts), counts.failed > 0 || counts.passed === 0 ? 1 : 0);
    if (says !== undefined) assert.match(results.map(({ message }) => message).join('\n'), says);
  });
}

test('nothing tested is a failure', () => { assert.equal(exitCode({ passed: 0, failed: 0, skipped: 3 }), 1); });

test('slow files are wanted with --all, or by their whole name', () => {
  const names = ['a/x.test.ts', 'a/y.slow.test.ts'];
  assert.deepEqual(wanted(names, { all: false, patterns: [] }), ['a/x.test.ts']);
  assert.deepEqual(wanted(names, { all: false, patterns: ['a/'] }), ['a/x.test.ts']);
  assert.deepEqual(wanted(names, { all: false, patterns: ['a/y.slow.test.ts'] }), ['a/y.slow.test.ts']);
  assert.deepEqual(wanted(names, { all: true, patterns: [] }), names);
});
