import { ModelConfigError, type ModelConfig } from '../model/config.ts';
import { decodePixels, PixelTokenizer } from '../tokenizer/pixel.ts';

/** Latents in model space [count, C, S, S] to values [count, 3, side, side] in about [-1, 1]. */
export interface Decoder {
  /** Side of the decoded pictures. */
  readonly side: number;
  decode(latents: Float64Array, count: number): Promise<Float32Array>;
}

/** The decoder that a checkpoint's manifest or a data set's index asks for; tokenizer is JSON that nobody has checked.
 *  Throws ModelConfigError if it is not known or does not fit the model's latents. */
export function decoderOf(tokenizer: unknown, { channels, latentSize }: Pick<ModelConfig, 'channels' | 'latentSize'>): Decoder {
  const kind = typeof tokenizer === 'object' && tokenizer !== null && 'kind' in tokenizer ? tokenizer.kind : undefined;
  if (kind !== 'pixel') {
    throw new ModelConfigError(`Cannot turn latents into pictures: the tokenizer ${kind === undefined ? 'is not named' : `${JSON.stringify(kind).slice(0, 80)} is not known`}, only "pixel" can be used. Use a data set or a checkpoint that this version has made`);
  }
  const parsed = PixelTokenizer.safeParse(tokenizer);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ModelConfigError(`Cannot turn latents into pictures: the tokenizer's "${issue?.path.join('.') ?? ''}" is wrong (${issue?.message ?? 'unknown'}). Use a data set or a checkpoint that was packed or trained again`, { cause: parsed.error });
  }
  const { patch } = parsed.data;
  if (channels !== 3 * patch * patch) {
    throw new ModelConfigError(`Cannot turn latents of ${channels} channels into pictures: patches of ${patch}x${patch} pixels have ${3 * patch * patch}. Use the tokenizer that the model was trained with`);
  }
  const side = latentSize * patch;
  return { side, decode: (latents, count) => Promise.resolve(decodePixels(latents, count, side, parsed.data)) };
}
