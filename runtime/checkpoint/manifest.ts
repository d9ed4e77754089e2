import { ObjectiveSpec } from '@srdit/crds';
import * as z from 'zod';
import type { ModelConfig } from '../model/config.ts';
import { CheckpointError } from './error.ts';

/** A manifest is untrusted: it may come from anybody's bucket. */
export const MANIFEST_LIMIT_BYTES = 1 << 20;

const width = z.int().min(1).max(1 << 20);
const ratio = z.number().min(0).max(1);

/** runtime/model/config.ts, as it travels. */
export const ModelConfigSchema = z.strictObject({
  depth: z.int().min(1).max(1024), hiddenSize: width, heads: z.int().min(1).max(1024), patchSize: z.int().min(1).max(64),
  mlpRatio: z.number().gt(0).max(64), numClasses: z.int().min(1).max(1_000_000), channels: z.int().min(1).max(65_536), latentSize: z.int().min(1).max(4096),
  qkNorm: z.boolean(), rope: z.boolean(), valueResidual: z.boolean(),
  classTokenWidth: z.int().min(0).max(65_536), featureWidths: z.array(z.int().min(1).max(65_536)).max(16).readonly(), projectorWidth: z.int().min(1).max(65_536),
  routing: z.strictObject({ enabled: z.boolean(), keepRatio: ratio, pathDropProb: ratio }), labelDropProb: ratio,
}) satisfies z.ZodType<ModelConfig>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Where in the data the next step begins. */
export const DataPosition = z.strictObject({
  digest: z.string().max(128).describe('sha256 of the data set\'s index.json'),
  epoch: z.int().min(0),
  position: z.int().min(0).describe('Examples of the epoch that all ranks together have taken'),
});
export type DataPosition = z.infer<typeof DataPosition>;

export const Manifest = z.object({
  format: z.literal('srdit.dev/checkpoint/v1'),
  training: z.object({ uid: z.string().max(128), namespace: z.string().max(253), name: z.string().max(253), generation: z.int().min(0) }),
  attempt: z.int().min(1),
  step: z.int().min(0).describe('Optimizer steps behind it'),
  world: z.int().min(1).max(1 << 20).describe('Ranks that made it; another number goes on, but not to the same bits'),
  seed: z.int().min(0).describe('Every random number of later steps is a function of it and of the step'),
  data: DataPosition,
  model: ModelConfigSchema,
  objective: ObjectiveSpec.describe('The path and the time shift that a sampler needs'),
  tokenizer: z.json().describe('How latents become pictures: tokenizer of the data set\'s index.json'),
  loss: z.number().optional(),
  lossEma: z.number().optional().describe('Smoothed loss; the lowest is the best checkpoint'),
  time: z.iso.datetime(),
  files: z.array(z.strictObject({
    name: z.string().regex(/^[a-z][a-z0-9_-]{0,63}\.safetensors$/), bytes: z.int().min(0), sha256,
  })).min(1).max(64),
});
export type Manifest = z.infer<typeof Manifest>;

/** Parses bytes of a manifest.json. Throws CheckpointError BadManifest. */
export function parseManifest(bytes: Uint8Array, where: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CheckpointError('BadManifest', `Cannot read checkpoint "${where}": its manifest.json is not JSON. Use another checkpoint`, { cause });
  }
  const parsed = Manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CheckpointError('BadManifest',
    `Cannot read checkpoint "${where}": manifest.json has a wrong "${issue?.path.join('.') ?? ''}" (${issue?.message ?? 'unknown'}). Use another checkpoint`, { cause: parsed.error });
}

export const encodeManifest = (manifest: Manifest): Uint8Array => new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 1)}\n`);

/** Size of all files. */
export const bytesOf = (manifest: Manifest): number => manifest.files.reduce((sum, file) => sum + file.bytes, 0);
