import * as z from 'zod';
import { GangSpec, StorageSpec } from './gang.ts';
import { lifecycle } from './lifecycle.ts';
import { ModelSpec } from './model.ts';
import { PodSpec } from './pod.ts';
import { SamplerSpec } from './sampler.ts';

export const ObjectiveSpec = z.object({
  path: z.enum(['linear', 'cosine']).default('linear').describe('Interpolant between data and noise'),
  timeSampling: z.enum(['uniform', 'lognormal']).default('uniform').describe('Distribution of training times'),
  timeShift: z.object({
    enabled: z.boolean().default(true).describe('Shift times toward noise by the size of the latent'),
    base: z.number().gt(0).default(4096).describe('Size of the latent (channels x height x width) that is not shifted'),
  }).prefault({}).describe('Time shift, in training and sampling alike'),
  alignment: z.object({
    enabled: z.boolean().default(true).describe("Align early features with the teacher's (REPA); needs data.teacherFeatures and patch size 1"),
    coefficient: z.number().min(0).default(0.5).describe('Weight of the alignment loss'),
    projectorWidth: z.int().min(1).max(65_536).default(2048).describe('Hidden width of the projector'),
  }).prefault({}).describe('Representation alignment'),
  classToken: z.object({
    coefficient: z.number().min(0).default(0.03).describe('Weight of the class-token loss'),
    target: z.enum(['broadcast', 'perSample']).default('broadcast').describe("Cosine path only: the reference's target broadcasts over the batch; perSample does not"),
  }).prefault({}).describe('Loss of the class token'),
  contrastive: z.object({
    coefficient: z.number().min(0).default(0.05).describe('Weight of contrastive flow matching; above 0 the local batch must be at least 2'),
    weighting: z.enum(['uniform', 'linear']).default('uniform').describe("linear weighs each pair with the anchor's time"),
  }).prefault({}).describe('Contrastive flow matching'),
});
export type ObjectiveSpec = z.infer<typeof ObjectiveSpec>;

export const OptimizerSpec = z.object({
  learningRate: z.number().gt(0).default(1e-4).describe('AdamW learning rate'),
  warmupSteps: z.int().min(0).default(0).describe('Steps over which the learning rate rises linearly from 0; the reference has none'),
  decaySteps: z.int().min(0).default(0).describe('Last steps over which the learning rate falls linearly to 0; the reference has none'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the first moment'),
  beta2: z.number().min(0).lt(1).default(0.999).describe('Decay of the second moment'),
  epsilon: z.number().gt(0).default(1e-8).describe('Added to the root of the second moment'),
  weightDecay: z.number().min(0).default(0).describe('Decoupled weight decay'),
  maxGradNorm: z.number().gt(0).default(1).describe('Gradients are scaled down to this global L2 norm'),
  emaDecay: z.number().min(0).lt(1).default(0.9999).describe('Decay of the averaged weights that sampling uses'),
});
export type OptimizerSpec = z.infer<typeof OptimizerSpec>;

export const TrainingSpec = z.object({
  seed: z.int().min(0).max(2 ** 31 - 1).default(0).describe('Every random number of the run comes from this'),
  model: ModelSpec.describe('The network'),
  objective: ObjectiveSpec.prefault({}).describe('What is minimised'),
  data: z.object({
    uri: z.string().min(1).max(1024).describe('Packed data set: the folder that holds index.json'),
    teacherFeatures: z.boolean().default(true).describe('The shards hold teacher features; without them model.classToken and objective.alignment must be off'),
    balanceLabels: z.boolean().default(false).describe('Draw every class equally often'),
  }).describe('What is learned from'),
  optimizer: OptimizerSpec.prefault({}).describe('AdamW, clipping and averaging'),
  batchSize: z.int().min(1).max(1_048_576).default(256).describe('Pictures an optimizer step takes over all ranks, before accumulation'),
  accumulation: z.int().min(1).max(1024).default(1).describe('Micro-batches an optimizer step adds up'),
  steps: z.int().min(1).max(100_000_000).describe('Optimizer steps'),
  precision: z.enum(['float32', 'bfloat16']).default('bfloat16').describe('Type of matrix products; weights, moments and averages stay float32'),
  storage: StorageSpec.describe('Where checkpoints, metrics and samples go'),
  checkpoints: z.object({
    everySteps: z.int().min(1).default(10_000).describe('Steps between checkpoints; one is always written at the end and when the run is stopped'),
    keep: z.int().min(1).max(1000).default(3).describe('Newest checkpoints to keep; the best is kept as well'),
    resume: z.enum(['Auto', 'Never']).default('Auto').describe('Auto goes on from the newest complete checkpoint; Never refuses a prefix that holds one'),
  }).prefault({}).describe('When checkpoints are written and how many are kept'),
  samples: z.object({
    everySteps: z.int().min(0).default(2000).describe('Steps between sample grids; 0 = none'),
    count: z.int().min(1).max(1024).default(64).describe('Pictures in the grid'),
    sampler: SamplerSpec.prefault({}).describe('How they are drawn'),
  }).prefault({}).describe('Grids of pictures drawn while training'),
  metrics: z.object({
    everySteps: z.int().min(1).default(10).describe('Steps between lines of metrics'),
  }).prefault({}).describe('How often metrics are written'),
  gang: GangSpec.prefault({}).describe('Pods and processes that train together'),
  pod: PodSpec.optional().describe('What is added to the pods; a change takes effect with the next attempt'),
  suspend: z.boolean().default(false).describe('Stop after a checkpoint and wait; set to false to go on'),
  ...lifecycle,
  image: z.string().min(1).max(1024).optional().describe('Runtime image; the operator knows its own default'),
});
export type TrainingSpec = z.infer<typeof TrainingSpec>;
