/** One micro-batch of one rank on the host, row-major: latents [B, C, S, S] in model space, labels [B], cls [B, Z],
 *  features [B, N + 1, Z]; the last two where the model wants them. */
export interface HostBatch {
  readonly latents: Float32Array;
  readonly labels: Int32Array;
  readonly cls?: Float32Array | undefined;
  readonly features?: Float32Array | undefined;
}
