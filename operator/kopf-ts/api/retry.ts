/** Which failed requests are sent again, and when. */
import { backoffDelay } from '../backoff.ts';
import type { Random } from '../clock.ts';
import { ApiError, ConnectionError } from './errors.ts';
import type { HttpRequest } from './transport.ts';

export interface RetryPolicy {
  /** How often a request that a busy server refused (429, or 503 with Retry-After) is sent again. */
  readonly refused: number;
  /** How often one is sent again whose outcome is not known (5xx, no answer), if sending it twice does no harm. */
  readonly failed: number;
}

export const defaultRetries: RetryPolicy = { refused: 8, failed: 3 };
export const noRetries: RetryPolicy = { refused: 0, failed: 0 };

const BACKOFF = { base: 100, max: 5000 };
/** A longer wait than this is the caller's business: it may have something better to do. */
const LONGEST_WAIT = 60_000;

/** Creating twice would answer AlreadyExists and PUT would answer Conflict, both after a success: these are for the caller to decide. */
const repeatable = (method: HttpRequest['method']): boolean => method !== 'POST' && method !== 'PUT';

/** Milliseconds to wait before sending again, or undefined: give the error to the caller. `attempt` counts from 1. */
export function retryDelay(error: unknown, method: HttpRequest['method'], attempt: number, policy: RetryPolicy, random: Random): number | undefined {
  if (error instanceof ApiError && (error.status === 429 || (error.status === 503 && error.retryAfter !== undefined))) {
    if (attempt > policy.refused || (error.retryAfter ?? 0) > LONGEST_WAIT) return undefined;
    // Jitter upwards only: not earlier than the server said.
    return error.retryAfter === undefined ? backoffDelay(BACKOFF, attempt, random) : error.retryAfter * (1 + 0.2 * random());
  }
  const unknown = error instanceof ConnectionError || (error instanceof ApiError && error.status >= 500);
  if (!unknown || !repeatable(method) || attempt > policy.failed) return undefined;
  return backoffDelay(BACKOFF, attempt, random);
}
