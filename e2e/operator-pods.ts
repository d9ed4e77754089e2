/** The operator's own pods, and their processes on this machine. */
import { eventually } from './eventually.ts';
import type { World } from './scenario.ts';

export const OPERATOR_NAMESPACE = 'srdit-system';

/** Names of the replicas that run. */
export async function replicas(world: World): Promise<string[]> {
  const { items } = await world.cluster.get<{ items: { metadata: { name: string; deletionTimestamp?: string }; status: { phase: string } }[] }>('pods', '-n', OPERATOR_NAMESPACE, '-l', 'app.kubernetes.io/name=srdit-operator');
  return items.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase === 'Running').map(({ metadata }) => metadata.name);
}

/** Who holds the lease. */
export async function leader(world: World): Promise<string | undefined> {
  const { spec } = await world.cluster.get<{ spec: { holderIdentity?: string } }>('lease', 'srdit', '-n', OPERATOR_NAMESPACE);
  const { holderIdentity = '' } = spec;
  return (await replicas(world)).find((name) => holderIdentity.startsWith(name));
}

/** The leader, once there is one other than `not`. */
export const nextLeader = (world: World, not?: string): Promise<string> => eventually(`a leader${not === undefined ? '' : ` other than ${not}`}`, 90, async () => {
  const name = await leader(world);
  return name !== not ? name : undefined;
});

/** Process of a replica. @throws Error if it has none */
export function operatorProcess(world: World, pod: string): number {
  const [pid] = world.cluster.processes((command, environment) => command.includes('srdit-operator') && environment.split('\0').includes(`HOSTNAME=${pod}`));
  if (pid === undefined) throw new Error(`Replica ${pod} has no process`);
  return pid;
}
