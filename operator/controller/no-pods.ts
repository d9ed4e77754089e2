import type { Client, Logger } from 'kopf-ts';
import type { Waiting } from '../plan/types.ts';
import { events, type Event, type Job } from './kubernetes.ts';

/** A Job gets its pods within milliseconds; before that nobody needs to ask. */
const PATIENCE = 5000;
const LONGEST = 60_000;

/** A Job that has ended makes no pods any more. */
export const hasEnded = ({ status }: Job): boolean => status?.conditions?.some(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True') === true;

/** A Job without pods tells why (a quota, an admission plugin) by events alone, and nothing wakes us when it does.
 *  `lookAgain`: milliseconds after which to ask again. */
export async function whyNoPods(client: Client, job: Job, log: Logger): Promise<{ readonly waiting?: Waiting; readonly lookAgain: number }> {
  const { name = '', namespace = '', uid = '', creationTimestamp = '' } = job.metadata;
  const age = client.clock.now() - Date.parse(creationTimestamp);
  if (!(age > PATIENCE)) return { lookAgain: PATIENCE + 1000 };
  const told = await client.listAll(events, { namespace, fieldSelector: `regarding.uid=${uid},regarding.name=${name},reason=FailedCreate` }).catch((error: unknown) => {
    // A sentence that is missing keeps no gang from running.
    log.warn('Cannot ask why a Job has no pods', { job: `${namespace}/${name}`, error });
    return [];
  });
  const note = newest(told)?.note;
  return { lookAgain: Math.min(LONGEST, Math.max(PATIENCE, age)), ...(note !== undefined && { waiting: { reason: 'FailedCreate', message: note } }) };
}

const newest = (told: readonly Event[]): Event | undefined =>
  told.toSorted((a, b) => (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '')).at(-1);
