import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { generated } from './generate.ts';

const chart = join(import.meta.dirname, 'srdit');

test('the chart holds the CustomResourceDefinitions and the dashboard as they would be made now', () => {
  for (const [path, contents] of generated()) {
    assert.ok(existsSync(path), `${path} is missing: run node charts/generate.ts`);
    assert.equal(readFileSync(path, 'utf8'), contents, `${path} is out of date: run node charts/generate.ts`);
  }
});

test('every value of values.yaml is described in values.schema.json, and the other way round', () => {
  type Schema = { properties?: Record<string, Schema>; additionalProperties?: unknown };
  const leaves = (value: unknown, schema: Schema, path: string): string[] => {
    if (schema.properties === undefined) return [path];
    assert.equal(schema.additionalProperties, false, `${path} takes values that nothing reads`);
    return Object.entries(schema.properties).flatMap(([name, child]) => {
      const inside = (value as Record<string, unknown> | undefined)?.[name];
      if (path === '' && name === 'global') return [];
      assert.notEqual(inside, undefined, `${path}.${name} has no default`);
      return leaves(inside, child, `${path}.${name}`);
    });
  };
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  assert.ok(leaves(values, schema, '').length > 30);
  assert.deepEqual(Object.keys(values).filter((name) => schema.properties?.[name] === undefined), []);
});

test('the versions of chart, program and package are one', () => {
  const { version, appVersion } = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as Record<string, string>;
  const { version: own } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string };
  assert.deepEqual([version, appVersion], [own, own]);
});
