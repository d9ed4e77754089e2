import assert from 'node:assert/strict';
import type { Scenario } from '../scenario.ts';

interface Definition { readonly spec: { readonly names: { plural: string; shortNames: string[]; categories: string[] }; readonly versions: { readonly additionalPrinterColumns: { name: string; priority?: number }[] }[] }; readonly status: { readonly conditions: { type: string; status: string }[] } }

/** Paths that kubectl explain is asked for: whatever a user looks up first. */
const EXPLAINED = {
  srdittraining: ['', 'spec', 'spec.model', 'spec.model.routing', 'spec.objective', 'spec.optimizer', 'spec.gang', 'spec.gang.gpu', 'spec.checkpoints', 'spec.pod', 'status', 'status.progress', 'status.checkpoints'],
  srditevaluation: ['', 'spec', 'spec.checkpoint', 'spec.sampler', 'spec.reference', 'status', 'status.results'],
} as const;

export default {
  title: 'the API server takes the CustomResourceDefinitions, and kubectl explain describes every field',
  async run({ cluster, get, kubectl, note }) {
    const { items } = await get<{ items: Definition[] }>('crd');
    assert.deepEqual(items.map(({ spec }) => spec.names.plural).sort(), ['srditevaluations', 'srdittrainings']);
    for (const { spec, status } of items) {
      const is = (type: string): string | undefined => status.conditions.find((condition) => condition.type === type)?.status;
      assert.deepEqual([is('Established'), is('NamesAccepted'), is('NonStructuralSchema') ?? 'False'], ['True', 'True', 'False'], spec.names.plural);
      const columns = spec.versions[0]?.additionalPrinterColumns ?? [];
      const shown = columns.filter(({ priority = 0 }) => priority === 0).map(({ name }) => name);
      assert.deepEqual([shown[0], shown.at(-1)], ['State', 'Age']);
      for (const name of [...spec.names.shortNames, 'srdit']) await kubectl('get', name);
    }
    for (const [kind, paths] of Object.entries(EXPLAINED)) {
      for (const path of paths) {
        const text = await cluster.kubectl(['explain', path === '' ? kind : `${kind}.${path}`]);
        const [head = '', fields = ''] = text.split(/^FIELDS:/m);
        note(text);
        assert.match(head, /DESCRIPTION:\n {4}\S/, `${kind}.${path} has no description`);
        assert.doesNotMatch(head, /<empty>/, `${kind}.${path}`);
        // A field's line, and the values of an enumeration, are followed by its description, deeper.
        const undescribed = [...fields.matchAll(/^ {2}(\S+)\t<[^\n]*\n(?: {2}enum:[^\n]*\n(?! {4}\S)|(?! {4}\S| {2}enum:))/gm)].map(([, name]) => name);
        assert.deepEqual(undescribed, [], `fields of ${kind}.${path} without a description`);
        assert.doesNotMatch(fields, /<no description>/, `${kind}.${path}`);
        assert.match(fields, /\t<\w+/, `${kind}.${path} shows no fields`);
      }
    }
  },
} satisfies Scenario;
