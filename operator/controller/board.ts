import type { ProgressReport } from '@srdit/crds';
import type { Clock } from 'kopf-ts';
import { askRankZero } from './rank-zero.ts';

/** A gang that may be asked: rank 0 of this attempt answers there. */
export interface Asked { readonly key: string; readonly uid: string; readonly attempt: number; readonly host: string }

export interface BoardOptions {
  readonly clock: Clock;
  readonly port: number;
  /** Milliseconds between two questions to one gang: also how often its status is written at most, for progress alone. */
  readonly every: number;
  /** Questions at a time. */
  readonly atATime: number;
  /** The gangs that run now. */
  gangs(): Iterable<Asked>;
  /** Something new was heard of a gang. */
  heard(key: string): void;
}

/** The last report of each running gang, pulled from rank 0: pods hold no credentials, so they cannot push. */
export class Board {
  readonly #options: BoardOptions;
  readonly #reports = new Map<string, ProgressReport>();
  readonly #askedAt = new Map<string, number>();

  constructor(options: BoardOptions) { this.#options = options; }

  /** The last report of this attempt. */
  report(uid: string, attempt: number): ProgressReport | undefined {
    const report = this.#reports.get(uid);
    return report?.attempt === attempt ? report : undefined;
  }

  forget(uid: string): void {
    this.#reports.delete(uid);
    this.#askedAt.delete(uid);
  }

  /** Asks until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, atATime } = this.#options;
    const asking = new Set<Promise<void>>();
    while (!signal.aborted) {
      for (const gang of this.#due()) {
        if (asking.size >= atATime) await Promise.race(asking);
        const question: Promise<void> = this.#ask(gang, signal).finally(() => { asking.delete(question); });
        asking.add(question);
      }
      await new Promise<void>((resolve) => {
        const cancel = clock.after(1000, resolve);
        signal.addEventListener('abort', () => { cancel(); resolve(); }, { once: true });
      });
    }
    await Promise.all(asking);
  }

  #due(): Asked[] {
    const { clock, every, gangs } = this.#options;
    const now = clock.monotonic();
    const due: Asked[] = [];
    for (const gang of gangs()) {
      if (now - (this.#askedAt.get(gang.uid) ?? Number.NEGATIVE_INFINITY) < every) continue;
      this.#askedAt.set(gang.uid, now);
      due.push(gang);
    }
    return due;
  }

  async #ask({ key, uid, attempt, host }: Asked, signal: AbortSignal): Promise<void> {
    const report = await askRankZero(host, this.#options.port, { uid, attempt }, signal);
    if (report === undefined) return;
    this.#reports.set(uid, report);
    this.#options.heard(key);
  }
}
