import * as z from 'zod';

export const GuidanceSpec = z.object({
  scale: z.number().min(0).max(100).default(1).describe('Classifier-free guidance; 1 = none, one network evaluation a step instead of two'),
  classTokenScale: z.number().min(0).max(100).default(1).describe('Guidance of the class token; 0 = the conditional prediction alone'),
  low: z.number().min(0).max(1).default(0).describe('Guide only where the (shifted) time is at least this'),
  high: z.number().min(0).max(1).default(1).describe('Guide only where the (shifted) time is at most this'),
  pathDrop: z.boolean().default(true).describe('Path-drop guidance: the unconditional evaluation also drops the routed path'),
});

export const SamplerSpec = z.object({
  kind: z.enum(['SDE', 'Euler', 'Heun']).default('SDE').describe('SDE = Euler-Maruyama as in the paper; Euler and Heun integrate the ODE'),
  steps: z.int().min(1).max(10_000).default(50).describe('Steps from noise to picture'),
  guidance: GuidanceSpec.prefault({}).describe('Classifier-free guidance'),
});
export type SamplerSpec = z.infer<typeof SamplerSpec>;
