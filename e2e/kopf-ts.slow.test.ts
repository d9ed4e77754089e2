/** kopf-ts on a real API server: the tests that its fake one passes as well. */
import { after, test } from 'node:test';
import { startCluster } from './cluster/cluster.ts';
import { MissingPart } from './cluster/missing-part.ts';

try {
  const cluster = await startCluster();
  after(() => cluster.stop());
  process.env.KOPF_TEST_KUBECONFIG = cluster.kubeconfig;
  await import('../operator/kopf-ts/conformance/conformance.test.ts');
} catch (error) {
  if (!(error instanceof MissingPart)) throw error;
  test('kopf-ts on a real API server', { skip: error.message });
}
