import type { Client, Logger } from 'kopf-ts';
import type { Waiting } from '../plan/types.ts';
import { events, type Event, type Job } from './kubernetes.ts';

/** A Job gets its pods within milliseconds; before that nobody needs to ask. */
const PATIENCE = 5000;
const LONGEST = 60_000;

/** A Job that has ended makes no pods any more. */
export const hasEnded = ({ status }: Job): boolean => status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') === true;

export interface WhyNoPods {
  readonly waiting?: Waiting;
  /** Milliseconds after which to ask again. */
  readonly lookAgain: number;
}

/** A Job without pods tells why (a quota, an admission plugin) by events alone, and nothing wakes us when it does. All Jobs of a namespace are
 *  asked about at once: where one waits hundreds may, because their controller is busy. */
export class NoPods {
  readonly #client: Client;
  readonly #log: Logger;
  readonly #told = new Map<string, { readonly until: number; readonly notes: Promise<ReadonlyMap<string, string>> }>();

  constructor(client: Client, log: Logger) {
    this.#client = client;
    this.#log = log;
  }

  async why(job: Job): Promise<WhyNoPods> {
    const { namespace = '', uid = '', creationTimestamp = '' } = job.metadata;
    const age = this.#client.clock.now() - Date.parse(creationTimestamp);
    if (!(age > PATIENCE)) return { lookAgain: PATIENCE + 1000 };
    const note = (await this.#notes(namespace)).get(uid);
    return { lookAgain: Math.min(LONGEST, Math.max(PATIENCE, age)), ...(note !== undefined && { waiting: { reason: 'FailedCreate', message: note } }) };
  }

  /** The last sentence about each Job, by its uid. */
  #notes(namespace: string): Promise<ReadonlyMap<string, string>> {
    const now = this.#client.clock.monotonic();
    for (const [name, { until }] of this.#told) if (until <= now) this.#told.delete(name);
    const known = this.#told.get(namespace);
    if (known !== undefined) return known.notes;
    const notes = this.#client.listAll(events, { namespace, fieldSelector: 'reason=FailedCreate,regarding.kind=Job' }).then(lastNotes, (error: unknown) => {
      // A sentence that is missing keeps no gang from running.
      this.#log.warn('Cannot ask why Jobs have no pods', { namespace, error });
      return new Map<string, string>();
    });
    this.#told.set(namespace, { until: now + PATIENCE, notes });
    return notes;
  }
}

const lastNotes = (told: readonly Event[]): Map<string, string> => new Map(told
  .toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''))
  .map(({ regarding, note = '' }) => [regarding?.uid ?? '', note]));
