import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { bundle } from './bundle.ts';
import { laidOut } from './laid-out.ts';

const root = dirname(import.meta.dirname);

test('the operator is one program that runs beside the packages it names, and the same bytes each time', (t) => {
  const { entries, packages, inlined } = bundle(root, 'operator/controller/main.ts', 'srdit');
  assert.deepEqual(bundle(root, 'operator/controller/main.ts', 'srdit').entries, entries);
  assert.deepEqual([...inlined], ['zod']);
  assert.ok(packages.has('undici') && packages.has('@kubernetes/client-node') && packages.has('zod'));
  assert.ok(!packages.has('yaml') && !packages.has('kopf-ts') && !packages.has('@srdit/crds'));

  const folder = mkdtempSync(join(tmpdir(), 'srdit-bundle-'));
  t.after(() => { rmSync(folder, { recursive: true }); });
  const program = entries.find(({ path }) => path === 'srdit/operator/controller/main.js');
  assert.equal(program?.mode, 0o755);
  assert.match(execFileSync(process.execPath, [laidOut(root, 'operator/controller/main.ts', folder), '--help'], { encoding: 'utf8' }), /SRDIT_NAMESPACES/);
});

test('an import of what is not there is an error that names both', () => {
  const folder = mkdtempSync(join(tmpdir(), 'srdit-bundle-'));
  writeFileSync(join(folder, 'package.json'), '{"workspaces":[]}');
  writeFileSync(join(folder, 'package-lock.json'), '{"packages":{}}');
  writeFileSync(join(folder, 'main.ts'), "import './gone.ts';");
  try {
    assert.throws(() => bundle(folder, 'main.ts', 'app'), /main\.ts:1:7: ERROR: Could not resolve "\.\/gone\.ts"/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
