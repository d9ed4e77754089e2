/** How a request that failed for a while is tried again. All times in milliseconds. */
export interface Patience {
  readonly firstDelay: number;
  readonly longestDelay: number;
  /** Without any progress for this long it is given up. */
  readonly giveUpAfter: number;
  /** A connection on which nothing has moved for this long counts as broken. */
  readonly silence: number;
}

/** An outage of half a minute, a rolling restart or a busy bucket passes; what lasts five minutes is told. */
export const PATIENCE: Patience = { firstDelay: 200, longestDelay: 10_000, giveUpAfter: 300_000, silence: 60_000 };

export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** In [0, 1). */
  random(): number;
}

export const CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); }),
  random: () => Math.random(),
};

/** A failure that may pass. */
export class Passing extends Error {
  override readonly name = 'Passing';
  /** What the server asked for in Retry-After, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** False if the server cannot have seen anything of the request. */
  readonly reached: boolean;
  constructor(message: string, { retryAfter, reached = true, cause }: { retryAfter?: number | undefined; reached?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.retryAfter = retryAfter;
    this.reached = reached;
  }
}

/** Counts the failures of one operation. */
export class Tries {
  /** True once a try has failed whose effect is not known: it may have been done all the same. */
  doubtful = false;
  readonly #patience: Patience;
  readonly #clock: Clock;
  #failures = 0;
  #since = 0;

  constructor(patience: Patience, clock: Clock) {
    this.#patience = patience;
    this.#clock = clock;
  }

  /** Something was achieved: an outage that comes now is a new one. */
  progressed(): void { this.#failures = 0; }

  /** Waits before the next try; throws what is no passing failure, and the failure when patience has ended. Delays double and are drawn
   *  from their upper half, so that the ranks of a gang do not come back all at once. */
  async again(error: unknown): Promise<void> {
    if (!(error instanceof Passing)) throw error;
    this.doubtful ||= error.reached;
    if (this.#failures === 0) this.#since = this.#clock.now();
    const { firstDelay, longestDelay, giveUpAfter } = this.#patience;
    const full = Math.min(longestDelay, firstDelay * 2 ** Math.min(this.#failures, 30));
    const delay = Math.max(full * (0.5 + this.#clock.random() / 2), Math.min(error.retryAfter ?? 0, 60_000));
    const spent = this.#clock.now() - this.#since;
    if (spent + delay > giveUpAfter) throw error;
    this.#failures += 1;
    await this.#clock.sleep(delay);
  }
}
