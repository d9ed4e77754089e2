import type { Cluster } from './cluster/cluster.ts';

/** Whether the cluster calls a node ready. */
export async function isReady(cluster: Cluster, node: string): Promise<boolean> {
  const { status } = await cluster.get<{ status: { conditions: { type: string; status: string }[] } }>('node', node);
  return status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}
