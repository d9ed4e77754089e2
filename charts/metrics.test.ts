/** Alerts and dashboard ask for what is there: names and labels are compared with what a running operator and a rank 0 answer. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { OperatorProcess } from '@srdit/operator/controller/testing/operator-process.ts';
import { prometheus } from '@srdit/runtime/cli/server.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, 'srdit', path), 'utf8');

/** What Prometheus adds to every series of a target, and PodMonitor by podTargetLabels; `namespace` of ours becomes exported_namespace. */
const TARGET = ['namespace', 'job', 'pod', 'instance', 'exported_namespace', 'app_kubernetes_io_instance', 'srdit_dev_attempt'];

/** Name -> labels of each series in Prometheus' text. */
function series(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

let there: Map<string, Set<string>>;
before(async () => {
  await using operator = await OperatorProcess.start({ SRDIT_CAUSE_WINDOW_SECONDS: '0' }, ({ attempt }) => ({ after: 300, exitCode: attempt === 1 ? 1 : 0 }));
  await operator.train('lab', 't');
  const rank = prometheus({
    uid: 'u', attempt: 1, phase: 'Training', time: new Date(0).toISOString(), step: 2, of: 3, loss: 1, lossEma: 1, gradNorm: 1, imagesPerSecond: 1, etaSeconds: 1,
    checkpoints: [{ step: 2, uri: 'file:///a', bytes: 1, digest: 'd' }],
  });
  there = series(`${await operator.metrics()}${rank}`);
}, { timeout: 120_000 });

/** Each metric that an expression names, with the labels that it is asked for. */
function asked(expression: string): { name: string; labels: string[] }[] {
  const by = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(',').map((name) => name.trim()));
  return [...expression.matchAll(/([a-z_]\w*)\{([^}]*)\}/g)].map(([, name = '', matchers = '']) => ({ name, labels: [...by, ...[...matchers.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map(([, label = '']) => label)] }));
}

function check(expressions: readonly string[], least: number): void {
  assert.ok(expressions.length >= least);
  for (const expression of expressions) {
    const metrics = asked(expression);
    assert.ok(metrics.length > 0, `no metric in ${expression}`);
    for (const { name, labels } of metrics) {
      const known = there.get(name);
      assert.ok(known, `"${name}" of ${expression} is no metric`);
      for (const label of labels) assert.ok(known.has(label) || TARGET.includes(label), `"${name}" has no label "${label}": ${expression}`);
    }
  }
}

test('the alerts', () => {
  // Helm's own expressions stand for text.
  const expressions = [...read('templates/alerts.yaml').matchAll(/^\s+expr: (.*)$/gm)].map(([, text = '']) => text.replaceAll(/\{\{.*?\}\}/g, '"x"'));
  check(expressions, 5);
});

test('the labels that sentences of alerts name are kept by their expressions', () => {
  for (const [, expression = '', rest = ''] of read('templates/alerts.yaml').matchAll(/^\s+expr: (.*)$([\s\S]*?)(?=^\s+- alert:|(?![\s\S]))/gm)) {
    for (const [, label = ''] of rest.matchAll(/\$labels\.(\w+)/g)) assert.match(expression, new RegExp(`by \\([^)]*\\b${label}\\b`), expression);
  }
});

test('the dashboard', () => {
  check([...read('files/dashboard.json').matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, text = '""']) => JSON.parse(text) as string), 10);
});
