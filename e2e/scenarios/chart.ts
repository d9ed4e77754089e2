import assert from 'node:assert/strict';
import { parseAllDocuments } from 'yaml';
import { CHART } from '../run.ts';
import type { Scenario } from '../scenario.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** Values -> what must be so of the objects. */
const SETS: Readonly<Record<string, { readonly values: readonly string[]; readonly kinds: Readonly<Record<string, number>> }>> = {
  'the defaults': { values: [], kinds: { Deployment: 1, ClusterRole: 1, ClusterRoleBinding: 1, Role: 1, PodDisruptionBudget: 1, NetworkPolicy: 1, CustomResourceDefinition: 2 } },
  'two namespaces': { values: ['namespaces={e2e-chart,default}'], kinds: { ClusterRole: 0, ClusterRoleBinding: 0, Role: 3, RoleBinding: 3 } },
  'one replica without election': { values: ['replicas=1', 'leaderElection=false', 'crds.install=false'], kinds: { Role: 0, PodDisruptionBudget: 0, CustomResourceDefinition: 0 } },
  'digests': { values: [`image.digest=${DIGEST}`, `runtime.image.digest=${DIGEST}`, 'image.registry=ghcr.io/a/'], kinds: { Deployment: 1 } },
  'more variables': { values: ['env[0].name=OTEL_TRACES_SAMPLER', 'env[0].value=always_off'], kinds: { Deployment: 1 } },
  'everything of Prometheus': {
    values: ['serviceMonitor.enabled=true', 'podMonitor.enabled=true', 'prometheusRule.enabled=true', 'dashboard.enabled=true', 'tracing.endpoint=http://collector:4318'],
    kinds: { ServiceMonitor: 1, PodMonitor: 1, PrometheusRule: 1, ConfigMap: 1 },
  },
};

/** Values that the schema or the templates refuse -> the sentence. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'replicas=two': /replicas/,
  'image.digest=latest': /digest/,
  'leaderElection=false': /two operators that both lead/,
  'env[0].name=SRDIT_LOG': /env/,
  'nonsense=1': /nonsense/,
};

interface KubernetesObject { kind: string; apiVersion: string; metadata: { name: string } }

export default {
  title: 'the chart: helm lint is content, every set of values gives objects that the API server takes, wrong values are refused',
  needs: ['helm'],
  async run({ helm, cluster, note }) {
    const set = (values: readonly string[]): string[] => values.flatMap((value) => ['--set', value]);
    const lint = await helm('lint', '--strict', CHART);
    assert.equal(lint.code, 0, lint.stdout + lint.stderr);
    for (const [name, { values, kinds }] of Object.entries(SETS)) {
      const { stdout: text, stderr: problem } = await helm('template', 'srdit', CHART, '--kube-version', '1.34.0', '--namespace', 'e2e-chart', '--skip-tests', ...set(values));
      note(`${name}\n${text}`);
      assert.equal(problem, '', `${name}: ${problem}`);
      const objects = parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject | null).filter((object) => object !== null);
      for (const [kind, count] of Object.entries(kinds)) assert.equal(objects.filter((object) => object.kind === kind).length, count, `${kind} with ${name}`);
      // Prometheus Operator's kinds are unknown to this cluster.
      const known = objects.filter(({ apiVersion }) => !apiVersion.startsWith('monitoring.coreos.com'));
      const { code, stderr } = await cluster.tryKubectl(['apply', '--server-side', '--dry-run=server', '--force-conflicts', '-f', '-'], { input: known.map((object) => JSON.stringify(object)).join('\n---\n') });
      assert.equal(code, 0, `${name}: ${stderr}`);
      assert.doesNotMatch(stderr, /would violate PodSecurity/, `${name}: ${stderr}`);
      if (name === 'digests') assert.match(text, new RegExp(`image: ghcr.io/a/srdit-operator@${DIGEST}`));
    }
    for (const [value, sentence] of Object.entries(REFUSED)) {
      const { code, stderr } = await helm('template', 'srdit', CHART, '--kube-version', '1.34.0', ...set([value]));
      assert.notEqual(code, 0, `${value} was taken`);
      assert.match(stderr, sentence);
    }
  },
} satisfies Scenario;
