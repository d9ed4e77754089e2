/** Functions that run as long as their object is there. */
import { Backoff } from '../backoff.ts';
import type { Clock, Random } from '../clock.ts';
import { sleep } from '../clock.ts';
import { NotLeaderError } from '../api/errors.ts';
import { PermanentError } from '../control/handler-errors.ts';
import type { Logger } from '../observe/log.ts';

/** Milliseconds between starts of a daemon that throws. */
const BACKOFF = { base: 1000, max: 1_000_000 };
/** Milliseconds that a daemon has to end after its signal. */
const TO_END = 10_000;

interface Running {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

export class Daemons {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #running = new Map<string, Running[]>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  has(uid: string): boolean {
    return this.#running.has(uid);
  }

  get size(): number {
    return this.#running.size;
  }

  /** Starts the daemons of an object; one that throws is started again, later and later, one that returns is done. */
  start(uid: string, daemons: readonly ((signal: AbortSignal) => Promise<unknown>)[], log: Logger): void {
    this.#running.set(uid, daemons.map((daemon) => {
      const controller = new AbortController();
      return { controller, ended: this.#run(daemon, controller.signal, log) };
    }));
  }

  /** Ends the daemons of an object; resolves when they have ended, or had their time for it. */
  async stop(uid: string): Promise<void> {
    const running = this.#running.get(uid);
    if (running === undefined) return;
    this.#running.delete(uid);
    for (const { controller } of running) controller.abort(new Error('The object is gone, or the operator stops'));
    const waited = new AbortController();
    await Promise.race([Promise.all(running.map(({ ended }) => ended)), sleep(this.#clock, TO_END, waited.signal).catch(() => undefined)]);
    waited.abort();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((uid) => this.stop(uid)));
  }

  async #run(daemon: (signal: AbortSignal) => Promise<unknown>, signal: AbortSignal, log: Logger): Promise<void> {
    const backoff = new Backoff(BACKOFF, this.#random);
    while (!signal.aborted) {
      try {
        await daemon(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof PermanentError || error instanceof NotLeaderError) {
          log.error('A daemon failed for good', { error });
          return;
        }
        const delay = backoff.next();
        log.warn('A daemon failed', { error, again: delay / 1000 });
        await sleep(this.#clock, delay, signal).catch(() => undefined);
      }
    }
  }
}
