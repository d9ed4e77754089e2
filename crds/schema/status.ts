import * as z from 'zod';

const time = () => z.iso.datetime();
const uri = () => z.string().max(2048);

/** metav1.Condition (Kubernetes API conventions, "Typical status properties"). */
export const Condition = z.object({
  type: z.enum(['Suspended', 'Running', 'Complete', 'Failed', 'Reconciling', 'Stalled']).describe('What the condition is about'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it is so'),
  reason: z.string().max(1024).describe('Why, as one word for programs'),
  message: z.string().max(32_768).describe('Why, as a sentence for people'),
  lastTransitionTime: time().describe('When status changed last'),
  observedGeneration: z.int().describe('Generation of the resource that this is about'),
});
export type Condition = z.infer<typeof Condition>;

export const STATES = ['Pending', 'Starting', 'Running', 'Restarting', 'Suspending', 'Suspended', 'Complete', 'Failed'] as const;

export const CheckpointRef = z.object({
  step: z.int().min(0).describe('Optimizer steps behind it'),
  uri: uri().describe('Folder that holds manifest.json'),
  bytes: z.int().min(0).describe('Size of all files'),
  digest: z.string().max(128).describe('sha256 of manifest.json'),
});
export type CheckpointRef = z.infer<typeof CheckpointRef>;

/** How fast it goes and how long it still takes. */
const pace = {
  imagesPerSecond: z.number().optional().describe('Pictures a second over all ranks'),
  etaSeconds: z.int().optional().describe('Seconds left at the present rate'),
  lastReportTime: time().optional().describe('When rank 0 was heard last'),
  advancedTime: time().optional().describe('When the count was last seen to change'),
};

export const TrainingProgress = z.object({
  step: z.int().min(0).describe('Optimizer steps taken'),
  of: z.int().min(0).describe('Optimizer steps asked for'),
  percent: z.int().min(0).max(100).describe('The one in per cent of the other'),
  loss: z.number().optional().describe('Loss of the last step reported'),
  lossEma: z.number().optional().describe('Smoothed loss'),
  ...pace,
});

/** Fields that both kinds share. */
export const RunStatus = z.object({
  observedGeneration: z.int().optional().describe('Generation of the resource that the operator has seen'),
  state: z.enum(STATES).optional().describe('All of it in one word'),
  conditions: z.array(Condition).max(16).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }).optional()
    .describe('What is true of the run now'),
  attempt: z.int().min(0).optional().describe('Attempts count from 1; each is one gang of pods'),
  restarts: z.object({
    charged: z.int().min(0).default(0).describe('Restarts that count against gang.maxRestarts'),
    free: z.int().min(0).default(0).describe('Restarts that do not: eviction, preemption, lost node, stop'),
    sinceProgress: z.int().min(0).optional().describe('Restarts since a newer checkpoint or picture was seen; the backoff grows with them'),
    reasons: z.record(z.string().max(64), z.int().min(0)).meta({ maxProperties: 32 }).optional().describe('How many restarts had which reason'),
    mark: z.int().min(0).optional().describe('Steps of the newest checkpoint, or pictures, at the last restart'),
  }).optional().describe('Restarts of the whole gang'),
  nextAttemptTime: time().optional().describe('End of the wait before the next attempt'),
  startTime: time().optional().describe('When the first gang was complete'),
  activeSince: time().optional().describe('When the run was begun or last resumed; activeDeadlineSeconds counts from here'),
  completionTime: time().optional().describe('When the run was complete or had failed for good'),
});

export const TrainingStatus = RunStatus.extend({
  progress: TrainingProgress.optional().describe('How far the training is'),
  checkpoints: z.object({
    last: CheckpointRef.optional().describe('Newest complete checkpoint'),
    best: CheckpointRef.optional().describe('Checkpoint of the lowest smoothed loss'),
    newest: z.array(CheckpointRef).max(5).optional().describe('Newest complete checkpoints, newest first'),
  }).optional().describe('What is there to go on from and to evaluate'),
  samples: z.object({
    step: z.int().describe('Optimizer steps behind it'),
    uri: uri().describe('PNG of the grid'),
  }).optional().describe('Newest sample grid'),
});
export type TrainingStatus = z.infer<typeof TrainingStatus>;

export const EvaluationResult = z.object({
  checkpoint: uri().describe('Checkpoint that was measured'),
  step: z.int().min(0).describe('Optimizer steps behind it'),
  count: z.int().min(0).describe('Pictures that were drawn'),
  features: z.string().max(64).describe('Feature space of the metrics'),
  frechetDistance: z.number().describe('Fréchet distance to the reference; called FID only on Inception features'),
  precision: z.number().optional().describe('Share of drawn pictures that lie among the reference; absent where the reference holds no pictures'),
  recall: z.number().optional().describe('Share of the reference that lies among the drawn pictures; absent where it holds none'),
  samples: uri().optional().describe('.npz of the pictures'),
  grid: uri().optional().describe('PNG of some of the pictures'),
});
export type EvaluationResult = z.infer<typeof EvaluationResult>;

/** Damaged checkpoints that a status tells of, at most. */
export const MAX_DAMAGED = 5;

/** How far an evaluation of every checkpoint is: what the plan must remember between rounds. */
export const Series = z.object({
  through: z.int().min(0).optional().describe('Every checkpoint up to this step has had its turn'),
  measured: z.int().min(0).describe('Checkpoints that were measured'),
  skipped: z.object({
    count: z.int().min(0).describe('Checkpoints that were gone before their turn'),
    last: z.int().min(0).describe('Step of the newest of them'),
  }).optional().describe('Checkpoints that the retention of the training had removed before their turn, or that were never written'),
  damaged: z.object({
    count: z.int().min(1).describe('Checkpoints that could not be measured'),
    newest: z.array(z.object({
      checkpoint: uri().describe('Folder that holds manifest.json'),
      step: z.int().min(0).describe('Optimizer steps behind it'),
      message: z.string().max(2048).describe('What is wrong with it'),
    })).max(MAX_DAMAGED).describe('The newest of them, newest first'),
  }).optional().describe('Checkpoints whose files are missing or not what was written, or whose weights give no pictures; they have had their turn'),
  round: z.object({
    step: z.int().min(0).describe('Optimizer steps behind it'),
    uri: uri().describe('Folder that holds manifest.json'),
  }).optional().describe('Checkpoint that is being measured'),
});
export type Series = z.infer<typeof Series>;

/** Results that a status holds, at most. */
export const MAX_RESULTS = 64;

export const EvaluationStatus = RunStatus.extend({
  progress: z.object({
    pictures: z.int().min(0).describe('Pictures drawn'),
    of: z.int().min(0).describe('Pictures asked for'),
    percent: z.int().min(0).max(100).describe('The one in per cent of the other'),
    ...pace,
  }).optional().describe('How far the evaluation is'),
  results: z.array(EvaluationResult).max(MAX_RESULTS).optional()
    .describe('What was measured, newest checkpoint first: of more than 64 the newest, all of them lie in storage as checkpoints/STEP/result.json'),
  series: Series.optional().describe('How far an evaluation of every checkpoint is'),
});
export type EvaluationStatus = z.infer<typeof EvaluationStatus>;
