import * as z from 'zod';

export const GangSpec = z.object({
  workers: z.int().min(1).max(1024).default(1).describe('Pods of the gang'),
  ranksPerWorker: z.int().min(1).max(64).default(1).describe('Processes in each pod, one GPU each'),
  maxRestarts: z.int().min(0).max(1000).default(3).describe('Restarts of the whole gang before the run fails; evictions and lost nodes are not counted'),
  backoffSeconds: z.number().min(0).max(3600).default(5).describe('Wait before the first restart; doubles with each, up to 5 minutes, starts over when a newer checkpoint exists'),
  gpu: z.object({
    resource: z.string().min(1).max(253).default('nvidia.com/gpu').describe('Name of the GPU resource'),
    perRank: z.int().min(0).max(1).default(1).describe('GPUs a rank asks for; 0 = compute on the CPU'),
  }).prefault({}).describe('What each rank computes on'),
});
export type GangSpec = z.infer<typeof GangSpec>;

export const StorageSpec = z.object({
  uri: z.string().min(1).max(1024).describe('Prefix for everything the run writes: file:///path (a mounted volume; on a laptop a folder under ./.srdit/volumes) or gs://bucket/path'),
});
export type StorageSpec = z.infer<typeof StorageSpec>;
