import { ProgressReport } from '@srdit/crds';

/** A report is some kilobytes; whatever is longer is none. */
const LIMIT_BYTES = 64 << 10;
const TIMEOUT_MILLISECONDS = 2000;

/** A report of this very attempt, or why there is none: the pod may be starting, ending, busy or out of reach. */
export type Heard = { readonly report: ProgressReport } | { readonly silence: string };

/** Asks rank 0 how far it is. Pods are not trusted: no redirects, bounded in time and size, parsed. */
export async function askRankZero(host: string, port: number, run: { readonly uid: string; readonly attempt: number }, signal: AbortSignal): Promise<Heard> {
  try {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MILLISECONDS)]);
    const answer = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}/progress`, { signal: bounded, redirect: 'error' });
    if (!answer.ok || answer.body === null) {
      await answer.body?.cancel();
      return { silence: `it answers ${answer.status}` };
    }
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    // Leaving the loop cancels the rest.
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > LIMIT_BYTES) return { silence: `its answer is longer than ${LIMIT_BYTES} bytes` };
      pieces.push(piece);
    }
    const report = ProgressReport.safeParse(JSON.parse(Buffer.concat(pieces).toString('utf8'))).data;
    return report?.uid === run.uid && report.attempt === run.attempt ? { report } : { silence: 'its answer is no report of this attempt' };
  } catch (error) {
    return { silence: reasonOf(error) };
  }
}

/** fetch says only that it failed, and keeps the reason as the cause. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MILLISECONDS / 1000} s`;
  const cause = error instanceof Error ? error.cause ?? error : error;
  return cause instanceof Error ? cause.message : String(cause);
}
