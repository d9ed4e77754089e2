/** Time as an argument: everything here waits by a Clock, so that a test can run days in milliseconds. */

export interface Clock {
  /** Milliseconds since 1970: for what people and other machines read. May jump. */
  now(): number;
  /** Milliseconds since some moment: for measuring. Never goes back. */
  monotonic(): number;
  /** Calls back once after that many milliseconds. Returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** Node fires longer timers at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, callback) {
    const due = performance.now() + milliseconds;
    const arm = (): NodeJS.Timeout => setTimeout(() => {
      if (due - performance.now() < 1) callback();
      else timer = arm();
    }, Math.min(Math.max(0, due - performance.now()), LONGEST_TIMER));
    let timer = arm();
    return () => { clearTimeout(timer); };
  },
};

/** Why a signal was aborted, as an Error. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('Aborted', { cause: signal.reason });
}

/** Resolves after that many milliseconds; rejects with the signal's reason when that comes first. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const abort = (): void => {
      cancel();
      reject(reasonOf(signal as AbortSignal));
    };
    const cancel = clock.after(milliseconds, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    signal?.addEventListener('abort', abort, { once: true });
  });
}
