import * as z from 'zod';
import { EvaluationSpec } from './schema/evaluation.ts';
import { EvaluationStatus, TrainingStatus } from './schema/status.ts';
import { TrainingSpec } from './schema/training.ts';

export const GROUP = 'srdit.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** metav1.ObjectMeta: what we read, and what `kubectl get -o yaml` writes (so that its output can be given back to us). */
export const Metadata = z.object({
  name: z.string().min(1),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  uid: z.string().optional(),
  generation: z.int().optional(),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.int().optional(),
  generateName: z.string().optional(),
  selfLink: z.string().optional(),
  finalizers: z.array(z.string()).optional(),
  ownerReferences: z.array(z.object({
    apiVersion: z.string(), kind: z.string(), name: z.string(), uid: z.string(),
    controller: z.boolean().optional(), blockOwnerDeletion: z.boolean().optional(),
  })).optional(),
  managedFields: z.array(z.record(z.string(), z.unknown())).optional(),
});
export type Metadata = z.infer<typeof Metadata>;

export const SRDiTTraining = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('SRDiTTraining'),
  metadata: Metadata,
  spec: TrainingSpec,
  status: TrainingStatus.optional(),
}).describe('Trains an SR-DiT diffusion transformer with a gang of pods');
export type SRDiTTraining = z.infer<typeof SRDiTTraining>;

export const SRDiTEvaluation = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('SRDiTEvaluation'),
  metadata: Metadata,
  spec: EvaluationSpec,
  status: EvaluationStatus.optional(),
}).describe('Draws pictures from a checkpoint with a gang of pods and measures them');
export type SRDiTEvaluation = z.infer<typeof SRDiTEvaluation>;

export type Resource = SRDiTTraining | SRDiTEvaluation;
export type Kind = Resource['kind'];
export const KINDS = ['SRDiTTraining', 'SRDiTEvaluation'] as const;
