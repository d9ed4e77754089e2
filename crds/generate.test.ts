import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceSchema } from './crd.ts';
import { outdated } from './generate.ts';
import type { Schema } from './openapi/schema.ts';
import { KINDS } from './resource.ts';

test('the committed files are the ones that the schemas make', () => {
  assert.deepEqual(outdated(), [], 'Run node crds/generate.ts and commit what it writes');
});

/** Every schema inside, with its path. */
function* walk(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema];
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* walk(child, `${path}.${name}`);
  if (schema.items !== undefined) yield* walk(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* walk(schema.additionalProperties, `${path}{}`);
}

for (const kind of KINDS) {
  const all = [...walk(resourceSchema(kind), '')];
  const own = all.filter(([path]) => !/^\.spec\.pod\.(tolerations|affinity|imagePullSecrets|resources|env|volumes|volumeMounts)[.[]/.test(path) && !path.startsWith('.spec.pod.resources'));

  test(`${kind}: everything that can grow has a bound, for the cost of rules`, () => {
    const unbounded = own.filter(([path, schema]) => path.startsWith('.spec') && (
      (schema.type === 'string' && schema.maxLength === undefined && schema.enum === undefined && schema.format === undefined)
      || (schema.type === 'array' && schema.maxItems === undefined)
      || (schema.additionalProperties !== undefined && schema.maxProperties === undefined)));
    assert.deepEqual(unbounded.map(([path]) => path), []);
  });

  test(`${kind}: every field of ours says what it means`, () => {
    const silent = own.filter(([path, { description }]) => /\.[A-Za-z]+$/.test(path) && path !== '.metadata' && description === undefined);
    assert.deepEqual(silent.map(([path]) => path), []);
  });

  test(`${kind}: nothing of the node can be mounted or shared`, () => {
    const forbidden = all.filter(([path]) => /\.(hostPath|hostNetwork|hostPID|hostIPC|privileged|securityContext)$/.test(path));
    assert.deepEqual(forbidden, []);
  });
}
