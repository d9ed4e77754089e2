import * as z from 'zod';

/** Types of the embedded Kubernetes schemas: as much as the plan reads; the CRD's schema holds the rest. */
export interface Toleration { key?: string; operator?: string; value?: string; effect?: string; tolerationSeconds?: number }
export type Affinity = Partial<Record<'nodeAffinity' | 'podAffinity' | 'podAntiAffinity', Record<string, unknown>>>;
export interface EnvVar { name: string; value?: string; valueFrom?: Record<string, unknown> }
export interface Volume {
  name: string;
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
  configMap?: Record<string, unknown>;
  secret?: Record<string, unknown>;
  emptyDir?: Record<string, unknown>;
  csi?: { driver: string; [key: string]: unknown };
}
export interface VolumeMount { name: string; mountPath: string; readOnly?: boolean; subPath?: string; subPathExpr?: string; mountPropagation?: string; recursiveReadOnly?: string }
export interface ResourceRequirements { limits?: Record<string, string | number>; requests?: Record<string, string | number> }
export interface LocalObjectReference { name?: string }

/** A type whose schema is the definition of that name in the pinned Kubernetes OpenAPI (kubernetes/v1.34.json). */
const kubernetes = <T>(definition: string) => z.custom<T>((value) => typeof value === 'object' && value !== null).meta({ kubernetes: definition });

const byName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
const strings = (most: number) => z.record(z.string(), z.string().max(most)).meta({ maxProperties: 64 });

export const PodSpec = z.object({
  labels: strings(63).optional().describe('Labels added to the pods'),
  annotations: strings(16_384).optional().describe('Annotations added to the pods'),
  nodeSelector: strings(63).optional().describe('Labels that a node must have'),
  tolerations: z.array(kubernetes<Toleration>('Toleration')).max(64).optional().describe('Taints of nodes that the pods accept'),
  affinity: kubernetes<Affinity>('Affinity').optional().describe('Which nodes and neighbours the pods prefer or need'),
  priorityClassName: z.string().min(1).max(253).optional().describe('Priority of the pods'),
  schedulerName: z.string().min(1).max(253).optional().describe('Scheduler that places the pods'),
  runtimeClassName: z.string().min(1).max(253).optional().describe('Container runtime of the pods'),
  serviceAccountName: z.string().min(1).max(253).optional().describe('Service account, for access to a bucket by workload identity; its Kubernetes token is not mounted'),
  imagePullSecrets: z.array(kubernetes<LocalObjectReference>('LocalObjectReference')).max(16).optional().describe('Secrets for pulling the image'),
  terminationGracePeriodSeconds: z.int().min(1).max(86_400).optional().describe('Time for the last checkpoint after the pods are told to stop; the operator chooses one by the size of the checkpoint'),
  resources: kubernetes<ResourceRequirements>('ResourceRequirements').optional().describe('CPU, memory and more that each pod asks for, besides the GPUs of gang.gpu'),
  env: z.array(kubernetes<EnvVar>('EnvVar')).max(128).meta(byName).optional().describe('Environment variables added to the container; names that begin with SRDIT_ are taken'),
  volumes: z.array(kubernetes<Volume>('Volume')).max(32).meta(byName).optional().describe('Volumes added to the pods: persistentVolumeClaim, configMap, secret, emptyDir or csi'),
  volumeMounts: z.array(kubernetes<VolumeMount>('VolumeMount')).max(64)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['mountPath'] }).optional()
    .describe('Where the container sees them; a volume for storage.uri file:///path is mounted at /path'),
});
export type PodSpec = z.infer<typeof PodSpec>;
