/** One small interface over what holds checkpoints, metrics and data sets. Paths are relative, '/'-separated, and never leave the prefix. */
export interface Storage {
  /** Without a '/' at its end. */
  readonly uri: string;
  /** A storage whose prefix is this one's plus path. */
  at(path: string): Storage;
  /** Whole object, or bytes [start, end) (all of them, or TooShort). Throws StorageError NotFound. limitBytes bounds untrusted input. */
  read(path: string, options?: { start?: number; end?: number; limitBytes?: number }): Promise<Uint8Array>;
  readStream(path: string): AsyncIterable<Uint8Array>;
  /** Bytes of an object. Throws StorageError NotFound. */
  size(path: string): Promise<number>;
  /** Atomic: readers see the old object or the new one, whole. */
  write(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }>;
  /** False if the object exists already. */
  createIfAbsent(path: string, data: Uint8Array): Promise<boolean>;
  exists(path: string): Promise<boolean>;
  /** Objects below the folder prefix ('' = all), in byte order of their paths, which are relative to this storage. */
  list(prefix: string): Promise<{ path: string; bytes: number }[]>;
  /** Object or everything below a prefix; absent is fine. */
  remove(path: string): Promise<void>;
}

/** NoBucket and Denied, like BadUri and BadPath, stay until somebody changes the configuration; Io may pass by itself. */
export type StorageErrorCode = 'NotFound' | 'TooLarge' | 'TooShort' | 'BadUri' | 'BadPath' | 'NoBucket' | 'Denied' | 'Io';
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}

/** True for what no retry mends: the run ends with exit code 64 and the error's sentence. */
export const isConfiguration = (error: unknown): error is StorageError =>
  error instanceof StorageError && (['BadUri', 'BadPath', 'NoBucket', 'Denied'] as StorageErrorCode[]).includes(error.code);

/** True for what is wrong with the object itself: missing, too short or too long. Of everything else another try may know more. */
export const isAboutObject = (error: unknown): error is StorageError =>
  error instanceof StorageError && (['NotFound', 'TooShort', 'TooLarge'] as StorageErrorCode[]).includes(error.code);
