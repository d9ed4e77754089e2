import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { structural } from './convert.ts';

const cases: Record<string, { type: z.ZodType; want: unknown }> = {
  'open bounds take the boolean form of OpenAPI 3.0': {
    type: z.number().gt(0).lt(1), want: { type: 'number', minimum: 0, exclusiveMinimum: true, maximum: 1, exclusiveMaximum: true },
  },
  'an integer without bounds has none': { type: z.int(), want: { type: 'integer' } },
  'a field with a default is not required': {
    type: z.object({ a: z.int().default(1), b: z.string().max(9) }),
    want: { type: 'object', required: ['b'], properties: { a: { type: 'integer', default: 1 }, b: { type: 'string', maxLength: 9 } } },
  },
  'a prefault becomes a default that is filled in further': {
    type: z.object({ a: z.object({ b: z.boolean().default(true) }).prefault({}) }),
    want: { type: 'object', properties: { a: { type: 'object', default: {}, properties: { b: { type: 'boolean', default: true } } } } },
  },
  'a time has a format and no pattern': { type: z.iso.datetime(), want: { type: 'string', format: 'date-time' } },
  'a record is a map': {
    type: z.record(z.string(), z.string().max(63)).meta({ maxProperties: 4 }),
    want: { type: 'object', maxProperties: 4, additionalProperties: { type: 'string', maxLength: 63 } },
  },
  'list keys pass through': {
    type: z.array(z.object({ name: z.string() })).max(3).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    want: {
      'type': 'array', 'maxItems': 3, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
      'items': { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
    },
  },
};
for (const [name, { type, want }] of Object.entries(cases)) test(name, () => { assert.deepEqual(structural(type), want); });

test('a Kubernetes definition is put in place, without references and descriptions', () => {
  const toleration = structural(z.custom().meta({ kubernetes: 'Toleration' }));
  assert.deepEqual(Object.keys(toleration.properties ?? {}), ['effect', 'key', 'operator', 'tolerationSeconds', 'value']);
});

test('what has no structural form is an error', () => {
  assert.throws(() => structural(z.union([z.string(), z.int()])), /"anyOf" has no structural form/);
  assert.throws(() => structural(z.object({ a: z.unknown() })), /schema.a: it has no type/);
  assert.throws(() => structural(z.custom().meta({ kubernetes: 'Pod' })), /has no definition "Pod"/);
});
