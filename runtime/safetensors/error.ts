/** NotFound: no such file; Malformed: not the format, or cut off; NoTensor, WrongType: not what was asked of it; BadEntry: cannot be written. */
export type SafetensorsErrorCode = 'NotFound' | 'Malformed' | 'NoTensor' | 'WrongType' | 'BadEntry';

/** A tensor file that cannot be read or written. The message names the file or the tensor. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly code: SafetensorsErrorCode;
  constructor(code: SafetensorsErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}
