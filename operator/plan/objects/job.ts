import type { Gang, KubernetesObject, Observed, PlanOptions } from '../types.ts';
import { gracePeriodSeconds } from './grace.ts';
import { addresses, attemptLabels, attemptName, GANG_PORT, HTTP_PORT, ownedMetadata, serviceName } from './names.ts';
import { withOverrides, type PodTemplate } from './pod-overrides.ts';
import { runVariable } from './run-config.ts';

const TERMINATION_LOG = '/dev/termination-log';

/** Pod of one worker. Satisfies Pod Security "restricted"; holds no credentials for the cluster. */
export function podTemplate(gang: Gang, observed: Observed, attempt: number, options: PlanOptions): PodTemplate {
  const { ranksPerWorker, gpu } = gang.spec.gang;
  const gpus = ranksPerWorker * gpu.perRank;
  const template: PodTemplate = {
    metadata: { labels: attemptLabels(gang, attempt) },
    spec: {
      restartPolicy: 'Never',
      subdomain: serviceName(gang),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: gracePeriodSeconds(gang, observed.status),
      securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name: 'runtime',
        image: gang.spec.image ?? options.runtimeImage,
        command: ['srdit-runtime', 'worker'],
        env: [
          { name: 'SRDIT_RUN', value: runVariable(gang, observed, attempt) },
          { name: 'SRDIT_WORKER', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['batch.kubernetes.io/job-completion-index']" } } },
          { name: 'SRDIT_ADDRESSES', value: addresses(gang, attempt).join(',') },
          { name: 'SRDIT_HTTP_PORT', value: String(HTTP_PORT) },
          { name: 'SRDIT_TERMINATION_LOG', value: TERMINATION_LOG },
          { name: 'SRDIT_DEVICE', value: gpu.perRank > 0 ? 'gpu' : 'cpu' },
        ],
        ports: [
          ...Array.from({ length: ranksPerWorker }, (_, rank) => ({ name: `gang-${rank}`, containerPort: GANG_PORT + rank, protocol: 'TCP' })),
          { name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' },
        ],
        resources: { limits: gpus > 0 ? { [gpu.resource]: gpus } : {} },
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        terminationMessagePath: TERMINATION_LOG,
        terminationMessagePolicy: 'File',
        volumeMounts: [
          { name: 'srdit-tmp', mountPath: '/tmp' },
          { name: 'srdit-shm', mountPath: '/dev/shm' },
        ],
      }],
      volumes: [
        { name: 'srdit-tmp', emptyDir: {} },
        // NCCL and TensorFlow exchange through shared memory; the container runtime's default of 64 MiB is too small.
        { name: 'srdit-shm', emptyDir: { medium: 'Memory', sizeLimit: `${ranksPerWorker}Gi` } },
      ],
    },
  };
  return withOverrides(template, gang.spec.pod);
}

/** The gang of one attempt. Created once and never applied again. A pod that ends is not replaced: the plan ends the
 *  attempt instead. */
export function job(gang: Gang, observed: Observed, attempt: number, options: PlanOptions): KubernetesObject {
  const { workers } = gang.spec.gang;
  return {
    apiVersion: 'batch/v1', kind: 'Job',
    metadata: ownedMetadata(gang, attemptName(gang, attempt), attemptLabels(gang, attempt)),
    spec: {
      completionMode: 'Indexed', completions: workers, parallelism: workers,
      backoffLimit: 0, podReplacementPolicy: 'Failed',
      template: podTemplate(gang, observed, attempt, options),
    },
  };
}
