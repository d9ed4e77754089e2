/** JobSet (sigs.k8s.io/jobset), in Go, from its module. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { resource, type KubeObject } from 'kopf-ts';
import { cached, digest } from '../../../e2e/cluster/cache.ts';
import { command } from '../../../e2e/cluster/command.ts';
import { goBuild } from '../../../e2e/cluster/go-build.ts';
import { AUDITED } from '../control-plane.ts';
import { Measured } from '../process.ts';
import { NAMESPACE, WORKERS, type Subject } from '../subject.ts';

const METRICS_PORT = 18_090;
const SOURCES = join(import.meta.dirname, 'jobset');

const binary = (): Promise<string> => cached('peer-jobset', digest(['go.mod', 'go.sum'].map((file) => join(SOURCES, file))), 'jobset', async (place) => {
  await goBuild(SOURCES, place, { target: 'sigs.k8s.io/jobset' });
});

export const jobset: Subject = {
  name: 'jobset',
  gangs: resource<KubeObject>('jobset.x-k8s.io/v1alpha2', 'JobSet', 'jobsets'),
  container: 'w',
  metrics: (plane) => ({ url: `https://127.0.0.1:${METRICS_PORT}/metrics`, token: plane.token, controller: 'jobset' }),
  crds: async () => {
    const module = (await command('go', ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/jobset'], { cwd: SOURCES })).trim();
    return [parse(readFileSync(join(module, 'config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml'), 'utf8')) as KubeObject];
  },
  // What its webhook would fill in is written out.
  manifest: (name) => ({
    metadata: { name, namespace: NAMESPACE },
    spec: {
      failurePolicy: { maxRestarts: 10 }, successPolicy: { operator: 'All' }, startupPolicy: { startupPolicyOrder: 'AnyOrder' }, network: { enableDNSHostnames: true, publishNotReadyAddresses: true },
      replicatedJobs: [{
        name: 'w', replicas: 1,
        template: {
          spec: {
            parallelism: WORKERS, completions: WORKERS, completionMode: 'Indexed', backoffLimit: 0,
            template: { spec: { restartPolicy: 'Never', containers: [{ name: 'w', image: 'none', command: ['true'], env: [{ name: 'MASTER_ADDR', value: `${name}-w-0-0.${name}` }, { name: 'WORLD_SIZE', value: String(WORKERS) }] }] } },
          },
        },
      }],
    },
  } as KubeObject),
  start: async (plane) => {
    const configuration = join(plane.folder, 'jobset.yaml');
    await command('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'tls.key', '-out', 'tls.crt', '-days', '30', '-subj', '/CN=localhost'], { cwd: plane.folder });
    writeFileSync(configuration, JSON.stringify({
      apiVersion: 'config.jobset.x-k8s.io/v1alpha1', kind: 'Configuration', leaderElection: { leaderElect: false }, internalCertManagement: { enable: false },
      webhook: { port: 19_443, host: '127.0.0.1', certDir: plane.folder },
    }));
    return new Measured([await binary(), `--config=${configuration}`, `--metrics-bind-address=127.0.0.1:${METRICS_PORT}`, '--health-probe-bind-address=0', '--leader-elect=false'],
      { KUBECONFIG: plane.kubeconfig(AUDITED) }, join(plane.folder, 'operator.log'));
  },
};
