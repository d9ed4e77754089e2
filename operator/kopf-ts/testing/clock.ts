/** A clock that a test moves: timers fire in order of their time, with everything that waits for promises done in between. */
import type { Clock } from '../clock.ts';

interface Timer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A turn of the real event loop: all promises that can go on have gone on. */
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

export class FakeClock implements Clock {
  readonly #timers = new Map<number, Timer>();
  #milliseconds = 0;
  #order = 0;
  readonly #epoch: number;

  constructor(start = Date.UTC(2030, 0, 1)) {
    this.#epoch = start;
  }

  now(): number {
    return this.#epoch + this.#milliseconds;
  }

  monotonic(): number {
    return this.#milliseconds;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const order = this.#order++;
    this.#timers.set(order, { due: this.#milliseconds + Math.max(0, milliseconds), order, callback });
    return () => { this.#timers.delete(order); };
  }

  /** Timers that wait: a test can see that none is left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets promises settle without moving the time. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 3; turns++) await turn();
  }

  /** Moves the time on, firing what falls due on the way. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#milliseconds + milliseconds;
    await this.settle();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer.order);
      this.#milliseconds = Math.max(this.#milliseconds, timer.due);
      timer.callback();
      await this.settle();
    }
    this.#milliseconds = end;
  }

  /** Moves the time on, timer by timer, until the condition holds. Throws when it does not within `limit` milliseconds (default: one day). */
  async until(condition: () => boolean, limit = 86_400_000): Promise<void> {
    const end = this.#milliseconds + limit;
    await this.settle();
    while (!condition()) {
      const timer = this.#next(end);
      if (timer === undefined) throw new Error(`The condition does not hold after ${limit / 1000} s of the fake clock: ${condition.toString()}`);
      await this.advance(timer.due - this.#milliseconds);
    }
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }
}
