/** Trainings that the real runtime runs: a model so small that two cores carry a gang of it. */
import { mergePatch } from '../crds/merge-patch.ts';

/** For spec.pod: the scenario's volume. */
export const onVolume = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }], volumeMounts: [{ name: 'data', mountPath: '/data' }] };

/** A training over packedPictures, two workers without GPUs, with changes as a merge patch of its spec. */
export const realTraining = (name: string, spec: object): object => ({
  apiVersion: 'srdit.dev/v1alpha1', kind: 'SRDiTTraining', metadata: { name },
  spec: mergePatch({
    model: { size: { depth: 2, hiddenSize: 32, heads: 2, patchSize: 1 }, numClasses: 4, classToken: false, routing: { enabled: false } }, objective: { alignment: { enabled: false } },
    data: { teacherFeatures: false }, batchSize: 16, precision: 'float32', samples: { everySteps: 0 }, gang: { workers: 2, backoffSeconds: 0, gpu: { perRank: 0 } },
    pod: { resources: { requests: { cpu: '100m', memory: '300Mi' }, limits: { memory: '2Gi' } } },
  }, spec),
});
