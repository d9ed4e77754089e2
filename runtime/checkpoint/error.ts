export type CheckpointErrorCode = 'NotFound' | 'BadManifest' | 'DigestMismatch' | 'Incomplete' | 'ShapeMismatch' | 'Fenced';

/** A checkpoint that cannot be read or may not be written. The message says what, why and how to mend. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly code: CheckpointErrorCode;
  constructor(code: CheckpointErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}
