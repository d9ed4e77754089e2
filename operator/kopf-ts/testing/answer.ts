/** What a fake server answers, before it goes over a wire or not. */

export interface Question {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Text, or what is none. */
export type Piece = string | Buffer;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Throws Broken where the connection is to break. */
  readonly body: AsyncIterable<Piece>;
  /** The client has gone: nothing needs to be kept for it. */
  readonly close?: () => void;
}

/** The connection breaks here. */
export class Broken extends Error {
  constructor() {
    super('The fake server broke the connection');
  }
}

export async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

export const jsonAnswer = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer =>
  ({ status, headers: { 'content-type': 'application/json', ...headers }, body: once(JSON.stringify(value)) });

/** A refusal. Thrown inside of the server, sent as metav1.Status. */
export class Refused extends Error {
  readonly status: number;
  readonly reason: string;
  readonly retryAfter: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }

  get body(): object {
    return {
      kind: 'Status', apiVersion: 'v1', status: 'Failure', message: this.message, reason: this.reason, code: this.status,
      ...(this.retryAfter === undefined ? {} : { details: { retryAfterSeconds: this.retryAfter } }),
    };
  }

  answer(): Answer {
    return jsonAnswer(this.status, this.body, this.retryAfter === undefined ? {} : { 'retry-after': String(this.retryAfter) });
  }
}
