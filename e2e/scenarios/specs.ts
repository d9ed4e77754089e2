import assert from 'node:assert/strict';
import { GOOD, WRONG_SPECS, wrongResource } from '../../crds/wrong-specs.ts';
import type { Scenario } from '../scenario.ts';

interface Named { metadata: { name: string; [field: string]: unknown } }
const as = (resource: unknown, name: string): Named => ({ ...resource as Named, metadata: { ...(resource as Named).metadata, name } });

export default {
  title: 'the table of wrong specs is refused through kubectl, each row with its sentence at its field',
  async run({ namespace, tryKubectl, apply, kubectl }) {
    const rows = WRONG_SPECS.map((wrong, index) => {
      const { resource, old } = wrongResource(wrong);
      // Rows that are about the name keep theirs.
      const own = (wrong.patch as { metadata?: { name?: string } }).metadata?.name;
      const name = own ?? `row-${index}`;
      return { wrong, name, resource: as(resource, name), ...(old === undefined ? {} : { old: as(old, name) }) };
    });
    await kubectl('create', '--dry-run=server', '-f', '-').catch(() => {}); // warms discovery up; nothing is created
    await apply(...Object.values(GOOD).map((good) => as(good, 'good')), ...rows.flatMap(({ old }) => (old === undefined ? [] : [old])));

    const ask = async (verb: string, some: typeof rows): Promise<string[]> => {
      const { code, stderr, stdout } = await tryKubectl([verb, '--dry-run=server', '-f', '-'], { input: some.map(({ resource }) => JSON.stringify(resource)).join('\n---\n') });
      assert.equal(code, 1, stdout);
      assert.equal(stdout, '', 'none of them is accepted');
      // kubectl puts each refusal on lines of its own; several causes of one follow as a list.
      return stderr.split(/\n(?=The |Error from server|error: )/);
    };
    const refusals = [...await ask('create', rows.filter(({ old }) => old === undefined)), ...await ask('replace', rows.filter(({ old }) => old !== undefined))];
    for (const { wrong, name } of rows) {
      const mine = refusals.filter((text) => text.includes(`"${name}"`));
      assert.equal(mine.length, 1, `${wrong.name} (${name} in ${namespace}): ${mine.length} refusals of\n${refusals.join('\n')}`);
      const [text = ''] = mine;
      const { path, message } = wrong.expect;
      if (message !== undefined) assert.ok(text.includes(message), `${wrong.name}: ${text}`);
      assert.ok(text.includes(path), `${wrong.name}: ${text} does not name ${path}`);
    }
  },
} satisfies Scenario;
