import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import { GOOD } from '../../crds/wrong-specs.ts';
import { render } from './render.ts';

const ROOT = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'srdit-render-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'both.yaml');
writeFileSync(file, Object.values(GOOD).map((resource) => stringify(resource)).join('---\n'));

const kinds = (text: string): string[] => parseAllDocuments(text).map((document) => `${String(document.get('kind'))} ${String(document.getIn(['metadata', 'name']))}`);

test('render prints what a cluster would get, in the order in which it is created', () => {
  assert.deepEqual(kinds(render([file], { attempt: '1', status: false })), [
    'Service good-train', 'NetworkPolicy good-train', 'Job good-train-1',
    'Service good-eval', 'NetworkPolicy good-eval', 'Job good-eval-1',
  ]);
});

test('render --status prints the resources with the status that would be written first', () => {
  const documents = parseAllDocuments(render([file], { attempt: '1', status: true }));
  assert.deepEqual(documents.filter((one) => one.has('status')).map((one) => [one.get('kind'), one.getIn(['status', 'state'])]), [['SRDiTTraining', 'Pending'], ['SRDiTEvaluation', 'Pending']]);
});

test('render takes the image and the attempt', () => {
  const text = render([file], { attempt: '4', image: 'registry.example/srdit@sha256:0', status: false });
  assert.match(text, /name: good-train-4\n/);
  assert.match(text, /image: registry\.example\/srdit@sha256:0\n/);
  assert.throws(() => render([file], { attempt: '0', status: false }), /attempts count from 1\. Give --attempt a whole number/);
});

test('a file that is not there is told with the mend', () => {
  assert.throws(() => render([join(folder, 'none.yaml')], { attempt: '1', status: false }), /there is no such file\. Give the path of a YAML file with -f/);
});

test('every example can be rendered', () => {
  const examples = globSync('examples/**/*.yaml', { cwd: ROOT }).map((path) => join(ROOT, path)).filter((path) => /^kind: SRDiT/m.test(readFileSync(path, 'utf8')) && !path.endsWith('kustomization.yaml'));
  assert.ok(examples.length >= 3, examples.join());
  for (const example of examples) assert.match(render([example], { attempt: '1', status: true }), /kind: Job/, example);
});
