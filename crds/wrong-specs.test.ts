import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KIND } from './crd.ts';
import { formatPath } from './openapi/schema.ts';
import { examine, parseResource } from './parse.ts';
import { KINDS } from './resource.ts';
import { GOOD, WRONG_SPECS, wrongResource } from './wrong-specs.ts';

for (const wrong of WRONG_SPECS) {
  test(`refused: ${wrong.name}`, () => {
    const { resource, old } = wrongResource(wrong);
    const { problems } = examine(resource, old === undefined ? undefined : parseResource(old));
    const found = problems.map(({ path, reason, message }) => ({ path: formatPath(path), reason, message }));
    const { path, reason, message } = wrong.expect;
    // Exactly one problem: a second one would say that the row is wrong in a way that it does not mean.
    assert.deepEqual(found, [{ path, reason, message: message ?? found[0]?.message }]);
  });
}

for (const kind of KINDS) {
  test(`${kind}: what the wrong ones are made from is right`, () => { assert.deepEqual(examine(GOOD[kind]).problems, []); });

  test(`${kind}: every rule refuses something in the table`, () => {
    const place = (path: string, message: string | undefined): string => `${path.replaceAll(/\[\d+\]/g, '[]')}: ${message}`;
    // The rules of names and pods are the same in both kinds.
    const rows = WRONG_SPECS.filter(({ expect, ...wrong }) => wrong.kind === kind || expect.path === '' || expect.path.startsWith('spec.pod'));
    const refused = new Set(rows.map(({ expect }) => place(expect.path, expect.message)));
    const unused = KIND[kind].rules.map(({ path, fieldPath, message }) => place(`${path}${fieldPath ?? ''}`, message)).filter((rule) => !refused.has(rule));
    assert.deepEqual(unused, []);
  });
}
