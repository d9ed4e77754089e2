import { Operator, adopt, deployments, resource, runProcess, type KubeObject } from 'kopf-ts';

type Site = KubeObject & { spec: { image: string; replicas: number } };
const sites = resource<Site>('example.dev/v1', 'Site', 'sites');

const operator = await Operator.connect({ name: 'sites', http: { port: Number(process.env.PORT ?? 8080) } });
operator.controller({
  resource: sites,
  owns: [deployments],
  async reconcile(_key, { object: site, write }) {
    if (site === undefined) return; // deleted: its owner reference lets the deployment go, too
    const labels = { site: site.metadata.name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'site', image: site.spec.image }] } };
    const spec = { replicas: site.spec.replicas, selector: { matchLabels: labels }, template };
    const deployment = await write.apply(deployments, adopt(site, { metadata: { name: site.metadata.name ?? '' }, spec }));
    const { readyReplicas = 0 } = (deployment.status ?? {}) as { readyReplicas?: number };
    await write.applyStatus(sites, site, { observedGeneration: site.metadata.generation, readyReplicas });
  },
});
await runProcess(operator);
