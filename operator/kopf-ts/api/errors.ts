/** What can go wrong between us and the API server, as types that a program can tell apart. */

/** The answer of the API server to a refused request (metav1.Status). */
export interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number; readonly causes?: readonly { readonly field?: string; readonly message?: string; readonly reason?: string }[] };
}

/** The API server answered, and the answer is no. `reason` is for programs (NotFound, Conflict, Expired...), `sentence` is the server's own. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string;
  readonly sentence: string;
  readonly details: Status['details'];
  /** Milliseconds after which the server wants to be asked again, if it said so. */
  readonly retryAfter: number | undefined;

  constructor(what: string, status: number, answer: Status, retryAfter?: number) {
    const reason = answer.reason === undefined || answer.reason === '' ? (REASONS[status] ?? 'Unknown') : answer.reason;
    const sentence = answer.message === undefined || answer.message === '' ? reason : answer.message;
    super(`Cannot ${what}: the API server answers ${status} ${reason}: ${sentence}`);
    this.status = status;
    this.reason = reason;
    this.sentence = sentence;
    this.details = answer.details;
    const seconds = answer.details?.retryAfterSeconds;
    this.retryAfter = retryAfter ?? (seconds === undefined ? undefined : seconds * 1000);
  }
}

/** Reasons of answers that carry none, such as those of a proxy. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 409: 'Conflict', 410: 'Expired', 422: 'Invalid',
  429: 'TooManyRequests', 500: 'InternalError', 502: 'BadGateway', 503: 'ServiceUnavailable', 504: 'Timeout',
};

/** No whole answer came: refused, reset, truncated or too slow. Whether the server did what it was asked is not known. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';

  constructor(what: string, cause: unknown) {
    super(`Cannot ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** This process may not write, because it does not lead (or cannot know any more whether it does). */
export class NotLeaderError extends Error {
  override readonly name = 'NotLeaderError';
}

const hasReason = (error: unknown, ...reasons: readonly string[]): boolean => error instanceof ApiError && reasons.includes(error.reason);

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists');
/** Somebody else changed the object (or owns the field) in between. */
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict');
/** The resourceVersion (or continue token) is too old: list again. */
export const isExpired = (error: unknown): boolean => (error instanceof ApiError && error.status === 410) || hasReason(error, 'Expired', 'Gone');
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid');
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden');
