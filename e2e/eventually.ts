import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until there is an answer that is neither undefined nor false; an error counts as none.
 *  @throws Error with what was waited for and the last error, after `seconds` */
export async function eventually<T>(what: string, seconds: number, ask: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const end = performance.now() + seconds * 1000;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(250);
  } while (performance.now() < end);
  throw new Error(`Waited ${seconds} s for ${what}, in vain${last === undefined ? '' : `: ${last instanceof Error ? last.message : JSON.stringify(last)}`}`, { cause: last });
}
