export type RunErrorCode = 'InUse' | 'BadState' | 'Unchangeable' | 'NoHost' | 'BadCommand' | 'BadInput';

/** What keeps a run from going on this machine. The message says what, why and how to mend it. */
export class RunError extends Error {
  override readonly name = 'RunError';
  readonly code: RunErrorCode;
  constructor(code: RunErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
