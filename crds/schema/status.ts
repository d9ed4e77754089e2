import { z } from 'zod';

/** metav1.Condition (Kubernetes API conventions, "Typical status properties"). */
export const Condition = z.object({
  type: z.enum(['Suspended', 'Running', 'Complete', 'Failed', 'Reconciling', 'Stalled']),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(1024),
  message: z.string().max(32_768),
  lastTransitionTime: z.iso.datetime(),
  observedGeneration: z.int(),
});
export type Condition = z.infer<typeof Condition>;

export const STATES = ['Pending', 'Starting', 'Running', 'Restarting', 'Suspending', 'Suspended', 'Complete', 'Failed'] as const;

export const CheckpointRef = z.object({
  step: z.int().min(0).describe('Optimizer steps behind it'),
  uri: z.string().max(2048).describe('Folder that holds manifest.json'),
  bytes: z.int().min(0).describe('Size of all files'),
  digest: z.string().max(128).describe('sha256 of manifest.json'),
});
export type CheckpointRef = z.infer<typeof CheckpointRef>;

export const TrainingProgress = z.object({
  step: z.int().min(0), of: z.int().min(0), percent: z.int().min(0).max(100),
  loss: z.number().optional(), lossEma: z.number().optional(),
  imagesPerSecond: z.number().optional(), etaSeconds: z.int().optional(),
  lastReportTime: z.iso.datetime().optional(),
});

/** Fields that both kinds share. */
export const RunStatus = z.object({
  observedGeneration: z.int().optional(),
  state: z.enum(STATES).optional(),
  conditions: z.array(Condition).max(16).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }).optional()
    .describe('What is true of the run now; types and reasons are for programs, messages for people'),
  attempt: z.int().min(0).optional().describe('Attempts count from 1; each is one gang of pods'),
  restarts: z.object({
    charged: z.int().min(0).default(0).describe('Restarts that count against gang.maxRestarts'),
    free: z.int().min(0).default(0).describe('Restarts that do not: eviction, preemption, lost node, stop'),
    sinceProgress: z.int().min(0).optional().describe('Restarts since a newer checkpoint (or picture) was seen; the backoff grows with it'),
    mark: z.int().min(0).optional().describe('Steps of the newest checkpoint (or pictures) at the last restart'),
  }).optional(),
  nextAttemptTime: z.iso.datetime().optional().describe('End of the backoff'),
  startTime: z.iso.datetime().optional(),
  completionTime: z.iso.datetime().optional(),
});

export const TrainingStatus = RunStatus.extend({
  progress: TrainingProgress.optional(),
  checkpoints: z.object({
    last: CheckpointRef.optional(),
    best: CheckpointRef.optional(),
    newest: z.array(CheckpointRef).max(5).optional(),
  }).optional(),
  samples: z.object({ step: z.int(), uri: z.string().max(2048) }).optional(),
});
export type TrainingStatus = z.infer<typeof TrainingStatus>;

export const EvaluationResult = z.object({
  checkpoint: z.string().max(2048), step: z.int().min(0), count: z.int().min(0), features: z.string().max(64),
  frechetDistance: z.number(), precision: z.number(), recall: z.number(),
  samples: z.string().max(2048).optional().describe('.npz of the pictures'),
  grid: z.string().max(2048).optional().describe('PNG of some of the pictures'),
});
export type EvaluationResult = z.infer<typeof EvaluationResult>;

export const EvaluationStatus = RunStatus.extend({
  progress: z.object({
    pictures: z.int().min(0), of: z.int().min(0), percent: z.int().min(0).max(100),
    imagesPerSecond: z.number().optional(), etaSeconds: z.int().optional(), lastReportTime: z.iso.datetime().optional(),
  }).optional(),
  results: z.array(EvaluationResult).max(64).optional(),
});
export type EvaluationStatus = z.infer<typeof EvaluationStatus>;
