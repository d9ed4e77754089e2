import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { GOOD } from '../../crds/wrong-specs.ts';
import { render } from '../../operator/cli/render.ts';
import type { Scenario } from '../scenario.ts';

const EXAMPLES = ['training', 'evaluation'].map((name) => join(import.meta.dirname, `../../examples/quickstart/${name}.yaml`));

export default {
  title: 'what ./srdit render prints is accepted by the API server, in a namespace that refuses pods that are not restricted',
  async run({ namespace, data, tryKubectl, note }) {
    const folder = mkdtempSync(join(data, 'render-'));
    const full = join(folder, 'full.yaml');
    writeFileSync(full, stringify({
      ...GOOD.SRDiTTraining as object, metadata: { name: 'n'.repeat(40) },
      spec: {
        ...(GOOD.SRDiTTraining as { spec: object }).spec, gang: { workers: 2, ranksPerWorker: 4 },
        pod: {
          labels: { team: 'a' }, annotations: { note: 'b' }, nodeSelector: { zone: 'a' }, tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }],
          env: [{ name: 'A', value: '1' }, { name: 'B', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }], resources: { requests: { cpu: '8', memory: '32Gi' }, limits: { memory: '64Gi' } },
          volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }], volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      },
    }));
    try {
      const text = render([...EXAMPLES, full], { attempt: '1', status: false });
      const { code, stdout, stderr } = await tryKubectl(['apply', '--server-side', '--dry-run=server', '-f', '-'], { input: text.replaceAll('namespace: default', `namespace: ${namespace}`) });
      note(text);
      assert.equal(code, 0, stderr);
      // Pod Security says so in a warning when a Job's pods would be refused.
      assert.doesNotMatch(stderr, /would violate PodSecurity/);
      assert.equal(stdout.trim().split('\n').length, 9, stdout);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
} satisfies Scenario;
