/** Keys that wait for work: each at most once, each with one worker at a time, again if it changed meanwhile, later if it failed. */
import { backoffDelay } from '../backoff.ts';
import type { Clock, Random } from '../clock.ts';

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds between failures of a key. Default 5 ms, doubling up to 1000 s. */
  readonly backoff?: { readonly base: number; readonly max: number };
  readonly observe?: QueueObserver;
}

/** What metrics want to know. Times in milliseconds. */
export interface QueueObserver {
  added(): void;
  retried(): void;
  /** A worker takes a key that waited so long. */
  started(waited: number): void;
  /** It is done after so long. */
  done(worked: number): void;
}

/** Higher goes first. */
export const priority = { low: -100, normal: 0, high: 100 } as const;

interface Waiting {
  readonly priority: number;
  readonly since: number;
}

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #backoff: { readonly base: number; readonly max: number };
  /** What waits, by priority in order of arrival. */
  readonly #lanes = new Map<number, Set<string>>();
  #order: number[] = [];
  readonly #waiting = new Map<string, Waiting>();
  /** What a worker has, since when. */
  readonly #working = new Map<string, number>();
  /** What changed while a worker had it. */
  readonly #dirty = new Map<string, number>();
  readonly #delayed = new Map<string, { readonly due: number; readonly cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  readonly #takers: (() => void)[] = [];
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? { base: 5, max: 1_000_000 };
  }

  /** Keys that wait, not counting those with a worker or a delay. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Everything the queue remembers: for tests of memory. */
  get remembered(): number {
    return this.#waiting.size + this.#working.size + this.#dirty.size + this.#delayed.size + this.#failures.size;
  }

  /** When each of the current workers began. */
  get workingSince(): IterableIterator<number> {
    return this.#working.values();
  }

  /** The key needs work. A key that waits already only moves up. */
  add(key: string, at: number = priority.normal): void {
    if (this.#closed) return;
    if (this.#working.has(key)) {
      this.#dirty.set(key, Math.max(at, this.#dirty.get(key) ?? -Infinity));
      return;
    }
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      if (at <= waiting.priority) return;
      this.#lanes.get(waiting.priority)?.delete(key);
    } else {
      this.#options.observe?.added();
    }
    this.#lane(at).add(key);
    this.#waiting.set(key, { priority: at, since: waiting?.since ?? this.#options.clock.monotonic() });
    this.#takers.shift()?.();
  }

  /** The key needs work after so many milliseconds. Of several such wishes the earliest counts. */
  addAfter(key: string, milliseconds: number, at: number = priority.normal): void {
    if (this.#closed) return;
    if (milliseconds <= 0) {
      this.add(key, at);
      return;
    }
    const due = this.#options.clock.monotonic() + milliseconds;
    const delayed = this.#delayed.get(key);
    if (delayed !== undefined && delayed.due <= due) return;
    delayed?.cancel();
    const cancel = this.#options.clock.after(milliseconds, () => {
      this.#delayed.delete(key);
      this.add(key, at);
    });
    this.#delayed.set(key, { due, cancel });
  }

  /** The work on the key failed: again after a delay that grows with every failure in a row. Returns the delay, milliseconds. */
  addFailed(key: string, at: number = priority.normal): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#options.observe?.retried();
    const delay = backoffDelay(this.#backoff, failures, this.#options.random);
    this.addAfter(key, delay, at);
    return delay;
  }

  /** Failures in a row of a key. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The work on the key went well: failures in a row begin anew. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, which is the caller's until done(key). Undefined: the queue is closed. */
  async take(): Promise<string | undefined> {
    while (!this.#closed) {
      const key = this.#first();
      if (key !== undefined) return key;
      await new Promise<void>((resolve) => { this.#takers.push(resolve); });
    }
    return undefined;
  }

  done(key: string): void {
    const since = this.#working.get(key);
    if (since === undefined) return;
    this.#working.delete(key);
    this.#options.observe?.done(this.#options.clock.monotonic() - since);
    const again = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (again !== undefined) this.add(key, again);
  }

  /** No more keys: all takers get undefined, delays are forgotten. Keys with a worker stay the worker's. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    for (const memory of [this.#delayed, this.#waiting, this.#dirty, this.#failures, this.#lanes]) memory.clear();
    this.#order = [];
    for (const wake of this.#takers.splice(0)) wake();
  }

  #first(): string | undefined {
    for (const at of this.#order) {
      const lane = this.#lanes.get(at) as Set<string>;
      const [key] = lane;
      if (key === undefined) continue;
      lane.delete(key);
      const now = this.#options.clock.monotonic();
      this.#options.observe?.started(now - (this.#waiting.get(key) as Waiting).since);
      this.#waiting.delete(key);
      this.#working.set(key, now);
      return key;
    }
    return undefined;
  }

  #lane(at: number): Set<string> {
    const lane = this.#lanes.get(at);
    if (lane !== undefined) return lane;
    const made = new Set<string>();
    this.#lanes.set(at, made);
    this.#order = [...this.#order, at].sort((a, b) => b - a);
    return made;
  }
}
