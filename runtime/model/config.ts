import { type ObjectiveSpec, type ModelSpec } from '@srdit/crds';

/** Everything that decides the network's shape and behaviour. Plain JSON: it travels in checkpoint manifests,
 *  so a sampler is never told it again. Notation of the paper: T tokens, N patches, e head width. */
export interface ModelConfig {
  readonly depth: number;
  readonly hiddenSize: number;
  readonly heads: number;
  /** Side of a patch in latent pixels. */
  readonly patchSize: number;
  /** MLP width over hidden size. */
  readonly mlpRatio: number;
  /** Classes; one more row of the label table is the null label. */
  readonly numClasses: number;
  /** Channels of the latent. */
  readonly channels: number;
  /** Side of the latent. */
  readonly latentSize: number;
  readonly qkNorm: boolean;
  readonly rope: boolean;
  readonly valueResidual: boolean;
  /** Width of the teacher's class feature; 0 = no class token. */
  readonly classTokenWidth: number;
  /** Widths of the teachers' features to align with, one projector each; [] = no alignment. */
  readonly featureWidths: readonly number[];
  readonly projectorWidth: number;
  readonly routing: { readonly enabled: boolean; readonly keepRatio: number; readonly pathDropProb: number };
  readonly labelDropProb: number;
}

/** A model that cannot be built. The message says what, why and how to mend. */
export class ModelConfigError extends Error {
  readonly code = 'WrongModel';
  override readonly name = 'ModelConfigError';
}

/** Named sizes (spec: XL, L, B, S; the suffix is the patch size): depth, hidden size, heads. */
const SIZES: Readonly<Record<string, readonly [number, number, number]>> = {
  XL: [28, 1152, 16], L: [24, 1024, 16], B: [12, 768, 12], S: [12, 384, 6],
};

function sizeOf(model: ModelSpec): { depth: number; hiddenSize: number; heads: number; patchSize: number } {
  if (model.size !== undefined) return model.size;
  const [, letter, patch] = /^SiT-(S|B|L|XL)\/(\d+)$/.exec(model.preset ?? '') ?? [];
  const size = SIZES[letter ?? ''];
  if (size === undefined) {
    throw new ModelConfigError(`Cannot tell the model's size: preset is "${model.preset ?? ''}" and size is not set. Set model.preset to one like "SiT-B/1" or model.size`);
  }
  const [depth, hiddenSize, heads] = size;
  return { depth, hiddenSize, heads, patchSize: Number(patch) };
}

/** The network that a training asks for on this data set. A data set without teacher features has neither
 *  class token nor alignment, whatever the spec says. Throws ModelConfigError. */
export function modelConfig(
  spec: { readonly model: ModelSpec; readonly objective: ObjectiveSpec },
  data: { readonly channels: number; readonly latentSize: number; readonly features?: { readonly width: number } | undefined },
): ModelConfig {
  const { model, objective } = spec;
  const features = data.features;
  const config: ModelConfig = {
    ...sizeOf(model),
    mlpRatio: model.mlpRatio, numClasses: model.numClasses, channels: data.channels, latentSize: data.latentSize,
    qkNorm: model.qkNorm, rope: model.rope, valueResidual: model.valueResidual,
    classTokenWidth: model.classToken && features !== undefined ? features.width : 0,
    featureWidths: objective.alignment.enabled && features !== undefined ? [features.width] : [],
    projectorWidth: objective.alignment.projectorWidth,
    routing: { enabled: model.routing.enabled, keepRatio: model.routing.keepRatio, pathDropProb: model.routing.pathDropProb },
    labelDropProb: model.labelDropProb,
  };
  checkModelConfig(config);
  return config;
}

/** Refuses what the network cannot be, with a sentence. */
export function checkModelConfig(config: ModelConfig): void {
  const { depth, hiddenSize, heads, patchSize, latentSize } = config;
  if (!Number.isInteger(hiddenSize / (4 * heads))) {
    throw new ModelConfigError(`Cannot split width ${hiddenSize} into ${heads} heads: rotary pairs in two dimensions need heads whose width is a multiple of 4. Set hiddenSize to a multiple of ${4 * heads}`);
  }
  if (!Number.isInteger(latentSize / patchSize) || latentSize < patchSize) {
    throw new ModelConfigError(`Cannot cut a latent of side ${latentSize} into patches of side ${patchSize}. Set patchSize to a divisor of ${latentSize}`);
  }
  if (config.routing.enabled && depth < 4) {
    throw new ModelConfigError(`Cannot route tokens through ${depth} blocks: two dense blocks stand at either end. Set depth to at least 4 or routing.enabled to false`);
  }
  if (config.featureWidths.length > 0 && depth < 2) {
    throw new ModelConfigError(`Cannot align features after two blocks of ${depth}. Set depth to at least 2 or alignment.enabled to false`);
  }
  if (config.featureWidths.length > 0 && patchSize !== 1) {
    throw new ModelConfigError(`Cannot align ${(latentSize / patchSize) ** 2} tokens of ${patchSize}x${patchSize} with the teacher's tokens, which are one a latent pixel. Set patchSize to 1 or alignment.enabled to false`);
  }
}

/** N: patches of a picture. */
export const patchCount = (config: ModelConfig): number => (config.latentSize / config.patchSize) ** 2;
/** T: tokens of a picture, the class token (token 0) included where there is one. */
export const tokenCount = (config: ModelConfig): number => patchCount(config) + (config.classTokenWidth > 0 ? 1 : 0);
/** Tokens that the routed blocks see while training: max(1, floor(T x keepRatio)); T when nothing is dropped. */
export function keptTokens(config: ModelConfig): number {
  const tokens = tokenCount(config);
  return config.routing.enabled ? Math.min(tokens, Math.max(1, Math.floor(tokens * config.routing.keepRatio))) : tokens;
}
export const headWidth = (config: ModelConfig): number => config.hiddenSize / config.heads;
export const mlpWidth = (config: ModelConfig): number => Math.trunc(config.hiddenSize * config.mlpRatio);
