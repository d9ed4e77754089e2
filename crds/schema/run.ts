import * as z from 'zod';
import { EvaluationSpec } from './evaluation.ts';
import { CheckpointRef, EvaluationResult } from './status.ts';
import { TrainingSpec } from './training.ts';

/** The environment variable SRDIT_RUN, as JSON: what the plan tells the runtime of one attempt. */
const identity = { namespace: z.string(), name: z.string(), uid: z.string(), generation: z.int(), attempt: z.int().min(1) };
export const RunConfig = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('SRDiTTraining'), ...identity, spec: TrainingSpec }),
  z.object({
    kind: z.literal('SRDiTEvaluation'), ...identity, spec: EvaluationSpec,
    checkpointUri: z.string().describe('spec.checkpoint resolved by the plan'),
    series: z.object({
      everySteps: z.int().min(1), after: z.int().min(0),
      final: z.int().min(0).optional().describe('Step of the last checkpoint of a training that has ended'),
    }).optional().describe('One round of an evaluation of every checkpoint: it measures the oldest one after that step whose turn it is. checkpointUri is the oldest that the operator knows of; storage may hold older ones'),
  }),
]);
export type RunConfig = z.infer<typeof RunConfig>;

/** Exit codes of the runtime (docs/exit-codes.md). */
export const ExitCode = { Done: 0, WrongConfiguration: 64, Diverged: 65, Stopped: 75, PeerLost: 76 } as const;

/** Reason of a last word with exit code 64: it is the checkpoint that cannot be measured, not the configuration that cannot work. Said in
 *  a round of an evaluation of every checkpoint, which then goes on with the next one. */
export const CHECKPOINT_DAMAGED = 'CheckpointDamaged';

/** Checkpoint that a round of an evaluation of every checkpoint has taken up. */
const measuring = z.object({ step: z.int().min(0), uri: z.string().max(2048) }).optional();

export const PHASES = ['Joining', 'Loading', 'Compiling', 'Training', 'Sampling', 'Measuring', 'Checkpointing', 'Done'] as const;

/** Answer of GET /progress on rank 0. Untrusted input for the operator: parse with this. */
export const ProgressReport = z.object({
  uid: z.string().max(128), attempt: z.int().min(1), phase: z.enum(PHASES), time: z.iso.datetime(),
  step: z.int().min(0), of: z.int().min(0).describe('Steps of a training, pictures of an evaluation'),
  loss: z.number().optional(), lossEma: z.number().optional(), gradNorm: z.number().optional(),
  imagesPerSecond: z.number().optional(), etaSeconds: z.number().optional(),
  checkpoints: z.array(CheckpointRef).max(6).optional(), best: CheckpointRef.optional(),
  samples: z.object({ step: z.int(), uri: z.string().max(2048) }).optional(),
  measuring,
});
export type ProgressReport = z.infer<typeof ProgressReport>;

/** Termination message: JSON of at most 4 KiB (Kubernetes keeps only the end of a longer one). */
export const LastWord = z.object({
  exitCode: z.int(), reason: z.string().max(64), message: z.string().max(2048),
  rank: z.int().min(0), step: z.int().optional(), lostRank: z.int().optional(),
  checkpoint: CheckpointRef.optional(), result: EvaluationResult.optional(), measuring,
  loss: z.number().optional(), lossEma: z.number().optional(), samples: z.object({ step: z.int(), uri: z.string().max(2048) }).optional(),
});
export type LastWord = z.infer<typeof LastWord>;
