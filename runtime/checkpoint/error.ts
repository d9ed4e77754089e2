/** NotFound: no manifest. BadManifest: one that cannot be used. Incomplete: a file is not there. DigestMismatch: it is not the
 *  one that was written. Malformed: it is, but no tensor file. ShapeMismatch: tensors of another model. Fenced: a newer attempt writes. */
export type CheckpointErrorCode = 'NotFound' | 'BadManifest' | 'Incomplete' | 'DigestMismatch' | 'Malformed' | 'ShapeMismatch' | 'Fenced';

/** A checkpoint that cannot be read or may not be written. The message says what, why and how to mend. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
  readonly code: CheckpointErrorCode;
  constructor(code: CheckpointErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}
