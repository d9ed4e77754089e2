import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDefaults } from './default.ts';
import type { Schema } from './schema.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    a: { type: 'integer', default: 3 },
    b: { type: 'object', default: {}, properties: { c: { type: 'boolean', default: true } } },
    d: { type: 'object', properties: { e: { type: 'integer', default: 1 } } },
    f: { type: 'array', items: { type: 'object', properties: { g: { type: 'integer', default: 2 } } } },
  },
};

const cases: Record<string, { value: unknown; want: unknown }> = {
  'an absent field takes its default': { value: {}, want: { a: 3, b: { c: true } } },
  'a null where none is allowed counts as absent': { value: { a: null, d: null }, want: { a: 3, b: { c: true } } },
  'a set field is kept': { value: { a: 0, b: { c: false } }, want: { a: 0, b: { c: false } } },
  'a map that is not there gets no defaults inside': { value: { d: {} }, want: { a: 3, b: { c: true }, d: { e: 1 } } },
  'items of lists are looked into': { value: { f: [{}, { g: 5 }] }, want: { a: 3, b: { c: true }, f: [{ g: 2 }, { g: 5 }] } },
  'unknown fields stay, to be refused': { value: { x: null }, want: { x: null, a: 3, b: { c: true } } },
};
for (const [name, { value, want }] of Object.entries(cases)) test(name, () => {
  const before = structuredClone(value);
  assert.deepEqual(withDefaults(schema, value), want);
  assert.deepEqual(value, before);
});

test('two values with the same default do not share it', () => {
  const [left, right] = [withDefaults(schema, {}), withDefaults(schema, {})] as { b: object }[];
  assert.notEqual(left?.b, right?.b);
});
