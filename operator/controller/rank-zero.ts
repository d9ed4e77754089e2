import { ProgressReport } from '@srdit/crds';

/** A report is some kilobytes; whatever is longer is none. */
const LIMIT_BYTES = 64 << 10;
const TIMEOUT_MILLISECONDS = 2000;

/** Asks rank 0 how far it is. Pods are not trusted: no redirects, bounded in time and size, parsed. Undefined if there is no
 *  sound answer of this very attempt: the pod may be starting, ending or out of reach. */
export async function askRankZero(host: string, port: number, run: { readonly uid: string; readonly attempt: number }, signal: AbortSignal): Promise<ProgressReport | undefined> {
  try {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MILLISECONDS)]);
    const answer = await fetch(`http://${host.includes(':') ? `[${host}]` : host}:${port}/progress`, { signal: bounded, redirect: 'error' });
    if (!answer.ok || answer.body === null) { await answer.body?.cancel(); return undefined; }
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    // Leaving the loop cancels the rest.
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > LIMIT_BYTES) return undefined;
      pieces.push(piece);
    }
    const report = ProgressReport.safeParse(JSON.parse(Buffer.concat(pieces).toString('utf8'))).data;
    return report?.uid === run.uid && report.attempt === run.attempt ? report : undefined;
  } catch {
    return undefined;
  }
}
