/** One small interface over what holds checkpoints, metrics and data sets. Paths are relative, '/'-separated, and never leave the prefix. */
export interface Storage {
  readonly uri: string;
  /** A storage whose prefix is this one's plus path. */
  at(path: string): Storage;
  /** Whole object, or bytes [start, end). Throws StorageError NotFound. limitBytes bounds untrusted input. */
  read(path: string, options?: { start?: number; end?: number; limitBytes?: number }): Promise<Uint8Array>;
  readStream(path: string): AsyncIterable<Uint8Array>;
  /** Atomic: readers see the old object or the new one, whole. */
  write(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }>;
  /** False if the object exists already. */
  createIfAbsent(path: string, data: Uint8Array): Promise<boolean>;
  exists(path: string): Promise<boolean>;
  /** Objects below prefix, by name. */
  list(prefix: string): Promise<{ path: string; bytes: number }[]>;
  /** Object or everything below a prefix; absent is fine. */
  remove(path: string): Promise<void>;
}

export type StorageErrorCode = 'NotFound' | 'TooLarge' | 'BadUri' | 'BadPath' | 'Io';
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}
