import { createHash } from 'node:crypto';

const CAP_SECONDS = 300;

/** Seconds to wait before a restart: base, 2 base, 4 base ... up to 5 minutes, less up to a fifth of jitter, so that
 *  gangs that a node took down together do not come back together. The jitter is a function of (uid, attempt): a plan
 *  made twice gives the same time.
 *  restart: 1 for the first since the newest checkpoint. */
export function backoffSeconds(base: number, restart: number, uid: string, attempt: number): number {
  const wait = Math.min(CAP_SECONDS, base * 2 ** Math.min(restart - 1, 30));
  const unit = createHash('sha256').update(`${uid}/${attempt}`).digest().readUInt32BE(0) / 2 ** 32;
  return wait * (1 - 0.2 * unit);
}

/** time + seconds, as ISO time. */
export const after = (time: string, seconds: number): string => new Date(Date.parse(time) + seconds * 1000).toISOString();
