/** What a handler or a reconciliation throws to say what shall happen next. Any other error is tried again, later and later. */

/** Not now: try again after the delay (default: as after any other error). */
export class TemporaryError extends Error {
  override readonly name = 'TemporaryError';
  /** Milliseconds. */
  readonly delay: number | undefined;

  constructor(message: string, options: ErrorOptions & { delay?: number } = {}) {
    super(message, options);
    this.delay = options.delay;
  }
}

/** Never: trying again is of no use until the object changes. */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}
