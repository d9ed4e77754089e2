import * as z from 'zod';
import { GangSpec, StorageSpec } from './gang.ts';
import { lifecycle } from './lifecycle.ts';
import { PodSpec } from './pod.ts';
import { SamplerSpec } from './sampler.ts';

export const EvaluationSpec = z.object({
  seed: z.int().min(0).max(2 ** 31 - 1).default(0).describe('Every random number of the run comes from this'),
  checkpoint: z.object({
    uri: z.string().min(1).max(1024).optional().describe('A checkpoint: the folder that holds manifest.json'),
    training: z.object({
      name: z.string().min(1).max(40).describe('An SRDiTTraining of this namespace'),
      which: z.enum(['Last', 'Best', 'Every']).default('Last')
        .describe('Its newest checkpoint or its best, when it is complete; or every so many steps one, as they appear'),
      everySteps: z.int().min(1).optional()
        .describe('For which Every: checkpoints whose step is a multiple of this are measured, and the final one, each by a gang of its own, oldest first. checkpoints.keep of the training must spare them until their turn comes'),
    }).optional().describe('Checkpoints of a training'),
    weights: z.enum(['ema', 'model']).default('ema').describe('Averaged or raw weights'),
  }).describe('What is evaluated: uri or training'),
  sampler: SamplerSpec.prefault({}).describe('How pictures are drawn'),
  count: z.int().min(1).max(10_000_000).default(50_000).describe('Pictures to draw'),
  batchSize: z.int().min(1).max(4096).default(64).describe('Pictures a rank draws at a time'),
  balancedLabels: z.boolean().default(true).describe('Picture g gets label g mod classes; false draws labels from the seed'),
  reference: z.object({
    data: z.string().min(1).max(1024).optional().describe('Packed data set to compare with'),
    npz: z.string().min(1).max(1024).optional().describe('Reference statistics or pictures in .npz form'),
  }).describe('What the pictures are compared with: data or npz'),
  features: z.object({
    kind: z.enum(['pixels']).default('pixels').describe('pixels = downscaled pictures; its Frechet distance is no FID'),
    size: z.int().min(2).max(64).default(8).describe('Side to which pictures are scaled for kind pixels'),
  }).prefault({}).describe('Feature space of the metrics'),
  neighbours: z.int().min(1).max(100).default(3).describe('k of precision and recall'),
  storage: StorageSpec.describe('Where pictures and results go'),
  gang: GangSpec.prefault({}).describe('Pods and processes that draw together'),
  pod: PodSpec.optional().describe('What is added to the pods; a change takes effect with the next attempt'),
  suspend: z.boolean().default(false).describe('Stop and wait; set to false to go on with the missing pictures'),
  ...lifecycle,
  image: z.string().min(1).max(1024).optional().describe('Runtime image; the operator knows its own default'),
});
export type EvaluationSpec = z.infer<typeof EvaluationSpec>;
