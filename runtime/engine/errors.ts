/** A failure of the engine. `code` is for programs; the message says what, why and how to mend. */
export class EngineError extends Error {
  override readonly name: string = 'EngineError';
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type EngineErrorCode =
  | 'AddonMissing' | 'BadArgument' | 'Disposed' | 'TraceFailed' | 'ValueWhileTracing' | 'CallFailed' | 'JoinFailed' | 'PeerLost';

/** A rank of the gang is gone, so this attempt is over (exit code 76). */
export class PeerLostError extends EngineError {
  override readonly name = 'PeerLostError';
  /** The rank that was lost; the lowest one where several are. */
  readonly rank: number;
  constructor(rank: number, address: string, options?: ErrorOptions) {
    super('PeerLost', `Cannot go on: rank ${rank} (${address}) is gone, and ranks are never replaced singly. ` +
      'Start the gang again from its newest checkpoint', options);
    this.rank = rank;
  }
}

/** The text of anything thrown. */
export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
