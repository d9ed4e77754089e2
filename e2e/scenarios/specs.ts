import assert from 'node:assert/strict';
import { WRONG_SPECS, wrongResource } from '../../crds/wrong-specs.ts';
import type { Scenario } from '../scenario.ts';

interface Named { metadata: { name: string; [field: string]: unknown } }
const as = (resource: unknown, name: string): Named => ({ ...resource as Named, metadata: { ...(resource as Named).metadata, name } });

export default {
  title: 'the table of wrong specs is refused through kubectl, each row with its sentence at its field',
  async run({ tryKubectl, apply, kubectl }) {
    // What the rows change is there, but where an operator is it starts none of it.
    await apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'no-pods' }, spec: { hard: { pods: '0' } } });
    const rows = WRONG_SPECS.map((wrong, index) => {
      const { resource, old } = wrongResource(wrong);
      // Rows that are about the name keep theirs.
      const own = (wrong.patch as { metadata?: { name?: string } }).metadata?.name;
      const name = own ?? `row-${index}`;
      return { wrong, name, resource: as(resource, name), ...(old === undefined ? {} : { old: as(old, name) }) };
    });
    await apply(...rows.flatMap(({ old }) => (old === undefined ? [] : [old])));

    const ask = async (verb: string, some: readonly (typeof rows)[number][]): Promise<string[]> => {
      const { code, stderr, stdout } = await tryKubectl([verb, '--dry-run=server', '-f', '-'], { input: some.map(({ resource }) => JSON.stringify(resource)).join('\n---\n') });
      assert.equal(code, 1, stdout);
      assert.equal(stdout, '', 'none of them is accepted');
      // In the order of the documents, each on lines of its own.
      const refusals = stderr.trim().split(/\n(?=The |Error from server|error: )/);
      assert.equal(refusals.length, some.length, stderr);
      return refusals;
    };
    for (const [verb, some] of [['create', rows.filter(({ old }) => old === undefined)], ['replace', rows.filter(({ old }) => old !== undefined)]] as const) {
      const refusals = await ask(verb, some);
      for (const [index, { wrong: { name, expect: { path, message } } }] of some.entries()) {
        const text = refusals[index] ?? '';
        assert.ok(text.includes(path), `${name}: "${text}" does not name ${path}`);
        if (message !== undefined) assert.ok(text.includes(message), `${name}: "${text}" does not say "${message}"`);
      }
    }
    await kubectl('delete', 'srdit', '--all', '--wait=false');
  },
} satisfies Scenario;
