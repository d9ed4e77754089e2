import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schema } from '../openapi/schema.ts';
import { brokenRules } from './evaluate.ts';
import { attach, type Rule } from './rule.ts';

const schema = (): Schema => ({
  type: 'object',
  properties: {
    count: { type: 'integer' },
    share: { type: 'number' },
    items: { type: 'array', items: { type: 'object', properties: { size: { type: 'integer' } } } },
    filled: { type: 'object', default: {}, properties: { low: { type: 'number', default: 0 } } },
  },
});
const rule = (path: string, text: string): Rule => ({ path, rule: text, message: 'no' });

const broken: Record<string, { rule: Rule; value: unknown; old?: unknown; want: number }> = {
  'whole numbers are CEL ints': { rule: rule('', 'self.count % 2 == 0'), value: { count: 3 }, want: 1 },
  'numbers are CEL doubles, also when they are whole': { rule: rule('', 'self.share == 1.0'), value: { share: 1 }, want: 0 },
  'an absent field is seen by has': { rule: rule('', '!has(self.count)'), value: {}, want: 0 },
  'each item is asked': { rule: rule('items[]', 'self.size > 1'), value: { items: [{ size: 1 }, { size: 2 }, { size: 0 }] }, want: 2 },
  'a rule about a change is not asked without one': { rule: rule('', 'self.count == oldSelf.count'), value: { count: 1 }, want: 0 },
  'a rule about a change is asked with one': { rule: rule('', 'self.count == oldSelf.count'), value: { count: 1 }, old: { count: 2 }, want: 1 },
  'maps are compared deeply': { rule: rule('', 'self.items == oldSelf.items'), value: { items: [{ size: 1 }] }, old: { items: [{ size: 1 }] }, want: 0 },
  'what is there by default stays as it is': { rule: rule('filled', 'self == oldSelf'), value: { filled: { low: 1 } }, old: { filled: { low: 0 } }, want: 1 },
  'a rule that cannot be evaluated refuses': { rule: rule('', '1 / self.count > 0'), value: { count: 0 }, want: 1 },
};
for (const [name, { rule: one, value, old, want }] of Object.entries(broken)) test(name, () => {
  assert.equal(brokenRules(attach(schema(), [one]), value, old).length, want);
});

const impossible: Record<string, { rule: Rule; want: RegExp }> = {
  'a path that leads nowhere': { rule: rule('items[].weight', 'true'), want: /there is no "weight"/ },
  'a fieldPath that leads nowhere': { rule: { ...rule('', 'true'), fieldPath: '.weight' }, want: /there is no "weight"/ },
  'a change inside a list': { rule: rule('items[]', 'self == oldSelf'), want: /is inside a list/ },
  'a change of what may be left out': { rule: rule('count', 'self == oldSelf'), want: /it may be left out/ },
  'a rule inside a default': { rule: rule('filled', 'self.low >= 0.0'), want: /filled has a default. Put the rule above it/ },
};
for (const [name, { rule: one, want }] of Object.entries(impossible)) test(`${name} is no place for a rule`, () => {
  assert.throws(() => attach(schema(), [one]), want);
});
