import { isDeepStrictEqual } from 'node:util';
import type { ProgressReport } from '@srdit/crds';
import { sleep, type Clock } from 'kopf-ts';
import { askRankZero } from './rank-zero.ts';

/** A gang that may be asked. `key` is whoever wants to know of news. */
export interface Asked { readonly key: string; readonly uid: string; readonly attempt: number }

export interface BoardOptions {
  readonly clock: Clock;
  /** Where rank 0 answers. */
  readonly port: number;
  /** Milliseconds between two questions to one gang: also how often its status is written at most for progress alone. */
  readonly every: number;
  /** Questions at a time. */
  readonly atATime: number;
  /** The gangs that may have a rank 0. */
  readonly gangs: () => Iterable<Asked>;
  /** Address of rank 0 of that attempt; undefined while it does not run. */
  readonly host: (gang: Asked) => string | undefined;
  /** Something new was heard of a gang. */
  readonly heard: (key: string) => void;
  /** Rank 0 of an attempt runs, and has not been heard for long: told once an attempt. */
  readonly unheard: (key: string, why: string) => void;
}

/** Milliseconds between two looks at who is due. */
const LOOK = 1000;
/** Milliseconds of silence that are no longer explained by work: rank 0 does not answer while it compiles. */
const LONG = 300_000;

interface Known {
  askedAt: number;
  report?: ProgressReport;
  /** Since when an attempt has been asked in vain; told: somebody knows. */
  silence?: { readonly attempt: number; readonly since: number; told: boolean };
}

/** The last report of each running gang, pulled from rank 0: pods hold no credentials, so they cannot push. */
export class Board {
  readonly #options: BoardOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: BoardOptions) { this.#options = options; }

  /** The last report of this attempt. */
  report(uid: string, attempt: number): ProgressReport | undefined {
    const report = this.#known.get(uid)?.report;
    return report?.attempt === attempt ? report : undefined;
  }

  forget(uid: string): void { this.#known.delete(uid); }

  /** Gangs that are remembered: for tests of memory. */
  get remembered(): number { return this.#known.size; }

  /** Asks until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, atATime } = this.#options;
    const asking = new Set<Promise<void>>();
    while (!signal.aborted) {
      for (const [gang, host] of this.#due()) {
        if (asking.size >= atATime) await Promise.race(asking);
        const question: Promise<void> = this.#ask(gang, host, signal).finally(() => { asking.delete(question); });
        asking.add(question);
      }
      await sleep(clock, LOOK, signal).catch(() => undefined);
    }
    await Promise.all(asking);
  }

  #due(): [Asked, string][] {
    const { clock, every, gangs, host } = this.#options;
    const now = clock.monotonic();
    const due: [Asked, string][] = [];
    for (const gang of gangs()) {
      const known = this.#known.get(gang.uid);
      if (known !== undefined && now - known.askedAt < every) continue;
      const address = host(gang);
      if (address === undefined) continue;
      this.#known.set(gang.uid, { ...known, askedAt: now });
      due.push([gang, address]);
    }
    return due;
  }

  async #ask({ key, uid, attempt }: Asked, host: string, signal: AbortSignal): Promise<void> {
    const { port, clock, heard, unheard } = this.#options;
    const answer = await askRankZero(host, port, { uid, attempt }, signal);
    const known = this.#known.get(uid);
    // Forgotten while it was asked: its resource is gone.
    if (known === undefined || signal.aborted) return;
    if ('silence' in answer) {
      const silence = known.silence?.attempt === attempt ? known.silence : { attempt, since: clock.monotonic(), told: false };
      known.silence = silence;
      if (silence.told || clock.monotonic() - silence.since < LONG) return;
      silence.told = true;
      unheard(key, `Rank 0 at ${host}:${port} has not been heard for ${LONG / 60_000} minutes: ${answer.silence}`);
      return;
    }
    // Told stays told: who comes and goes is not told again and again.
    if (known.silence?.told !== true) delete known.silence;
    if (isDeepStrictEqual(answer.report, known.report)) return;
    known.report = answer.report;
    heard(key);
  }
}
