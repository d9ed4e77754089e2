import { mergePatch } from '../crds/merge-patch.ts';
import { CONTRACT_RANK } from './images.ts';

/** A training for contract ranks, on the scenario's volume, with changes as a merge patch of its spec. */
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
