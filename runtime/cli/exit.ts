import { ExitCode, type LastWord } from '@srdit/crds';

export type ExitCodeName = keyof typeof ExitCode;
/** What a last word may tell beyond why it is one. */
type Details = Pick<LastWord, 'step' | 'lostRank' | 'checkpoint' | 'result' | 'measuring'>;

/** Ends the run with a documented exit code. `reason` is for programs (CamelCase), the message for people. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly exitCode: number;
  readonly reason: string;
  readonly word: Details;

  constructor(code: ExitCodeName, reason: string, message: string, options: ErrorOptions & Details = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = ExitCode[code];
    this.reason = reason;
    const { step, lostRank, checkpoint, result, measuring } = options;
    this.word = {
      ...(step !== undefined && { step }), ...(lostRank !== undefined && { lostRank }),
      ...(checkpoint !== undefined && { checkpoint }), ...(result !== undefined && { result }), ...(measuring !== undefined && { measuring }),
    };
  }
}

/** A configuration that can never work: exit 64, no restart. */
export const wrongConfiguration = (reason: string, message: string, cause?: unknown): ExitError =>
  new ExitError('WrongConfiguration', reason, message, cause === undefined ? {} : { cause });
