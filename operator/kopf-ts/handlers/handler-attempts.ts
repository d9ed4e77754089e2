/** Runs handlers until each has succeeded once, has failed for good, or has used up its tries. */
import { backoffDelay } from '../backoff.ts';
import type { Random } from '../clock.ts';
import { NotLeaderError } from '../api/errors.ts';
import { PermanentError, TemporaryError } from '../control/handler-errors.ts';
import type { Logger } from '../observe/log.ts';

export interface RetryOptions {
  /** Tries after which an error is one for good. Default: no end. */
  readonly retries?: number;
  /** Milliseconds since the first try after which an error is one for good. Default: no end. */
  readonly timeout?: number;
}

/** How far one handler has come with one cause. */
interface Progress {
  failures: number;
  readonly since: number;
  /** Not to be tried before, on the monotonic clock; Infinity: done. */
  due: number;
}

/** Milliseconds between tries after errors that do not say when. */
const BACKOFF = { base: 1000, max: 1_000_000 };

export interface Attempt {
  /** Unique among the handlers of the cause. */
  readonly id: string;
  readonly options: RetryOptions;
  /** `retry` is 0 at the first try. */
  readonly run: (retry: number) => Promise<unknown>;
}

export interface AttemptContext {
  readonly now: () => number;
  readonly random: Random;
  readonly log: Logger;
  /** Told of handlers that failed for good. */
  readonly gaveUp: (id: string, error: Error) => void;
}

/** The progress of all handlers of one cause, in memory only: after a restart handlers run again from the first one. */
export class Attempts {
  readonly #progress = new Map<string, Progress>();

  /** Runs what is due. Throws TemporaryError with the delay of the next try while something is not done; what was cut off by a stop counts as no failure. */
  async run(attempts: readonly Attempt[], context: AttemptContext): Promise<void> {
    let failure: { id: string; error: Error } | undefined;
    for (const attempt of attempts) {
      const progress = this.#progress.get(attempt.id) ?? { failures: 0, since: context.now(), due: 0 };
      this.#progress.set(attempt.id, progress);
      if (progress.due > context.now()) continue;
      try {
        await attempt.run(progress.failures);
        progress.due = Infinity;
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
        if (error instanceof NotLeaderError) throw error;
        this.#failed(attempt, progress, error, context);
        if (progress.due !== Infinity) failure = { id: attempt.id, error };
      }
    }
    const next = Math.min(...attempts.map(({ id }) => this.#progress.get(id)?.due ?? Infinity));
    if (next === Infinity) return;
    const delay = Math.max(1, next - context.now());
    throw new TemporaryError(failure === undefined ? 'Handlers wait for their next try' : `Handler "${failure.id}" failed: ${failure.error.message}`, { delay, cause: failure?.error });
  }

  #failed({ id, options }: Attempt, progress: Progress, error: Error, { now, random, log, gaveUp }: AttemptContext): void {
    progress.failures += 1;
    const { retries = Infinity, timeout = Infinity } = options;
    const forGood = error instanceof PermanentError || progress.failures >= retries || now() - progress.since >= timeout;
    if (forGood) {
      progress.due = Infinity;
      log.error('A handler failed for good', { handler: id, error, failures: progress.failures });
      gaveUp(id, error);
    } else {
      const asked = error instanceof TemporaryError ? error.delay : undefined;
      progress.due = now() + (asked ?? backoffDelay(BACKOFF, progress.failures, random));
    }
  }
}
