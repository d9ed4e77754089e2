export type SafetensorsErrorCode = 'NotFound' | 'Malformed' | 'NoTensor' | 'WrongType' | 'BadEntry';

/** A tensor file that cannot be read or written. The message names the file. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly code: SafetensorsErrorCode;
  constructor(code: SafetensorsErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}
