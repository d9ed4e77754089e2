import { mergePatch } from '../crds/merge-patch.ts';
import type { TrainingStatus } from '@srdit/crds';
import { eventually } from './eventually.ts';
import { CONTRACT_RANK } from './images.ts';
import type { World } from './scenario.ts';

export interface Training {
  readonly metadata: { readonly name: string; readonly uid: string; readonly generation: number; readonly resourceVersion: string };
  readonly spec: Record<string, unknown>;
  readonly status?: TrainingStatus;
}

/** A training for contract ranks, on the scenario's volume, with changes as a merge patch of its spec; `env` tells the ranks what to do wrong. */
export const training = (name: string, namespace: string, spec: object = {}, env: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name, namespace },
  spec: mergePatch({
    image: CONTRACT_RANK,
    model: { preset: 'SiT-B/1' }, batchSize: 8, steps: 1_000_000, data: { uri: 'file:///data/set' }, storage: { uri: `file:///data/runs/${name}` },
    checkpoints: { everySteps: 20 }, gang: { workers: 2, backoffSeconds: 0, gpu: { perRank: 0 } },
    pod: {
      env: Object.entries(env).map(([key, value]) => ({ name: key, value })), terminationGracePeriodSeconds: 5,
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }], volumeMounts: [{ name: 'data', mountPath: '/data' }],
      resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    },
  }, spec),
});

/** Waits until a training's status is as wanted; tells it in the scenario's log.
 *  @throws Error with the last status */
export async function status(world: World, name: string, what: string, wanted: (status: TrainingStatus) => boolean, seconds = 90): Promise<TrainingStatus> {
  let last: TrainingStatus | undefined;
  try {
    return await eventually(`${name} to be ${what}`, seconds, async () => {
      last = (await world.get<Training>('srdittraining', name)).status;
      return last !== undefined && wanted(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}; its status is ${JSON.stringify(last, null, 1)}`, { cause: error });
  } finally {
    world.note(`${name} ${what}: ${JSON.stringify(last)}`);
  }
}

export const is = (state: TrainingStatus['state']) => (given: TrainingStatus): boolean => given.state === state;
export const condition = (given: TrainingStatus, type: string): { status: string; reason: string; message: string } | undefined => given.conditions?.find((one) => one.type === type);
