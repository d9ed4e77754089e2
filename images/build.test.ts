import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const work = mkdtempSync(join(tmpdir(), 'srdit-build-'));
after(() => { rmSync(work, { recursive: true, force: true }); });
const build = join(import.meta.dirname, 'build.ts');

test('what the Dockerfile asks for: the layers of the operator in folders of their own, whose files bear no times, and whose Node runs', () => {
  execFileSync(process.execPath, [build, 'operator', join(work, 'out')]);
  assert.deepEqual(readdirSync(join(work, 'out')), ['1', '2', '3']);
  assert.equal(execFileSync(join(work, 'out/1/usr/local/bin/node'), ['--version'], { encoding: 'utf8' }).trim(), process.version);
  const times = execFileSync('find', [join(work, 'out'), '-mindepth', '2', '-newermt', '1970-01-02'], { encoding: 'utf8' });
  assert.equal(times, '');
  assert.ok(statSync(join(work, 'out/3/usr/local/bin')).isDirectory());
  assert.equal(statSync(join(work, 'out/3/srdit/operator/controller/main.js')).mode & 0o777, 0o755);
});

test('an image that is not known, or no folder, is refused with what to say', () => {
  for (const words of [[], ['operator'], ['kernel', work]]) {
    const { status, stderr } = spawnSync(process.execPath, [build, ...words], { encoding: 'utf8' });
    assert.equal(status, 64);
    assert.match(stderr, /Say node images\/build\.ts operator\|runtime-cpu\|runtime-cuda FOLDER/);
  }
});
