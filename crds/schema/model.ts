import * as z from 'zod';

/** Named sizes of the paper (SiT, arXiv 2401.08740 table 1): depth / hidden size / heads; the suffix is the patch size. */
export const PRESETS = ['S', 'B', 'L', 'XL'].flatMap((size) => [1, 2, 4].map((patch) => `SiT-${size}/${patch}`));

export const ModelSize = z.object({
  depth: z.int().min(2).max(128).describe('Transformer blocks; SPRINT routing needs at least 4 (2 dense, the routed ones, 2 dense)'),
  hiddenSize: z.int().min(8).max(8192).describe('Width of the residual stream; a multiple of 4 times heads'),
  heads: z.int().min(1).max(128).describe('Attention heads'),
  patchSize: z.int().min(1).max(16).describe('Side of a patch in latent pixels; alignment needs 1'),
});
export type ModelSize = z.infer<typeof ModelSize>;

export const RoutingSpec = z.object({
  enabled: z.boolean().default(true).describe('SPRINT: the middle blocks see only some of the tokens while training'),
  keepRatio: z.number().gt(0).max(1).default(0.25).describe('Share of tokens that the middle blocks see while training'),
  pathDropProb: z.number().min(0).max(1).default(0.05).describe('Probability that a step skips the middle path for the whole batch'),
});

export const ModelSpec = z.object({
  preset: z.enum(PRESETS as [string, ...string[]]).optional().describe('A size of the paper; set this or size'),
  size: ModelSize.optional().describe('A free size; set this or preset'),
  mlpRatio: z.number().gt(0).max(16).default(4).describe('MLP width over hidden size'),
  numClasses: z.int().min(1).max(1_000_000).default(1000).describe('Classes of the data set; one more row is the null label'),
  qkNorm: z.boolean().default(true).describe('RMS norm of queries and keys'),
  rope: z.boolean().default(true).describe('Rotary position embedding in two dimensions'),
  valueResidual: z.boolean().default(true).describe("Mix the first block's values into every later block"),
  classToken: z.boolean().default(true).describe('Diffuse the class feature of the teacher along with the latent (REG)'),
  labelDropProb: z.number().min(0).max(1).default(0.1).describe('Probability that a label is replaced by the null label while training'),
  routing: RoutingSpec.prefault({}).describe('Token routing (SPRINT)'),
});
export type ModelSpec = z.infer<typeof ModelSpec>;
