/** Latents in model space [count, C, S, S] to values [count, 3, side, side] in about [-1, 1]. */
export interface Decoder {
  /** Side of the decoded pictures. */
  readonly side: number;
  decode(latents: Float64Array, count: number): Promise<Float32Array>;
}
