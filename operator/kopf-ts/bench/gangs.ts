/** The operator of the bench on kopf-ts: a Service and an Indexed Job for each Gang, and its status. */
import { Operator, adopt, createLogger, jobs, resource, runProcess, services } from '../index.ts';
import type { KubeObject } from '../index.ts';

interface Gang extends KubeObject {
  spec: { replicas: number };
  status?: { job?: string };
}
const gangs = resource<Gang>('kopf-ts.dev/v1', 'Gang', 'gangs');

const operator = await Operator.connect({
  name: 'gangs', namespaces: [process.env.NAMESPACE ?? 'default'], leaderElection: false, log: createLogger({ level: 'warn' }), serviceAccount: process.env.SERVICE_ACCOUNT,
});
const cached = { jobs: operator.informer(jobs), services: operator.informer(services) };
operator.controller<Gang>({
  resource: gangs, owns: [jobs, services], concurrency: 16,
  async reconcile(key, { object: gang, write }) {
    if (gang === undefined) return;
    const { name = '' } = gang.metadata;
    const labels = { gang: name };
    if (cached.services.store.get(key) === undefined) {
      await write.apply(services, adopt(gang, { metadata: { name, labels }, spec: { clusterIP: 'None', publishNotReadyAddresses: true, selector: labels } }));
    }
    if (cached.jobs.store.get(key) === undefined) {
      await write.apply(jobs, adopt(gang, { metadata: { name, labels }, spec: {
        completionMode: 'Indexed', completions: gang.spec.replicas, parallelism: gang.spec.replicas, backoffLimit: 0, suspend: true,
        template: { metadata: { labels }, spec: { restartPolicy: 'Never', subdomain: name, containers: [{ name: 'w', image: 'x', command: ['true'] }] } },
      } }));
    }
    if (gang.status?.job !== name) await write.applyStatus(gangs, gang, { job: name, service: name });
  },
});
await runProcess(operator);
