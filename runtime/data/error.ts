export type DataErrorCode =
  | 'NotFound' | 'BadIndex' | 'BadShard' | 'DigestMismatch' | 'NoFeatures' | 'TooFewPictures' // reading
  | 'BadSource' | 'BadOption' | 'BadPicture' | 'InUse' | 'Stopped'; // packing

/** A data set that cannot be read or packed. The message says what, why and how to mend. */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly code: DataErrorCode;
  constructor(code: DataErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}
