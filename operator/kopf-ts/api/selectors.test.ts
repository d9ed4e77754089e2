import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldPredicate, labelPredicate } from './selectors.ts';

const cases: Record<string, [yes: string[], no: string[]]> = {
  '': [['a=1', 'b=2', ''], []],
  'a=1': [['a=1'], ['a=2', '']],
  'a==1,b': [['a=1,b=9'], ['a=1', 'b=9']],
  'a!=1': [['a=2', ''], ['a=1']],
  'a in (1, 2)': [['a=1', 'a=2'], ['a=3', '']],
  'a notin (1,2),b': [['a=3,b=1', 'b=1'], ['a=1,b=1', 'a=3']],
  '!a': [['b=1', ''], ['a=1']],
};
for (const [selector, [yes, no]] of Object.entries(cases)) {
  test(`labels that "${selector}" selects`, () => {
    const matches = (labels: string): boolean => labelPredicate(selector)({ metadata: { labels: Object.fromEntries(labels.split(',').filter(Boolean).map((pair) => pair.split('=') as [string, string])) } });
    for (const labels of yes) assert.ok(matches(labels), `"${labels}" should match`);
    for (const labels of no) assert.ok(!matches(labels), `"${labels}" should not match`);
  });
}

test('fields: name and namespace only', () => {
  const object = { metadata: { name: 'a', namespace: 'n' } };
  assert.ok(fieldPredicate('metadata.name=a,metadata.namespace=n')(object));
  assert.ok(!fieldPredicate('metadata.name!=a')(object));
  assert.throws(() => fieldPredicate('spec.x=1'), /field label not supported: spec.x/);
});
