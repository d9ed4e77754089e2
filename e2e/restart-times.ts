/** How long restarts of gangs take, from what a watch of pods has told. */
import type { Sighting } from './pods.ts';

/** One restart; times in milliseconds since the first pod of the old attempt was seen to have failed. */
export interface Restart {
  readonly run: string;
  /** The new one. */
  readonly attempt: number;
  /** Of the pod whose end was the reason: not of one that only lost a peer. */
  readonly exitCode: number;
  /** Every pod of the old attempt has ended. */
  readonly ended: number;
  /** Every pod of the new attempt is there. */
  readonly created: number;
  /** Every one of them runs. */
  readonly running: number;
}

const PEER_LOST = 76;

/** Restarts of which the watch has seen the end, all pods of the new attempt running. */
export function restartsOf(sightings: readonly Sighting[], workers: number): Restart[] {
  const gangs = new Map<string, Sighting[]>();
  const key = (run: string, attempt: number): string => `${run}/${attempt}`;
  for (const seen of sightings) gangs.set(key(seen.run, seen.attempt), [...gangs.get(key(seen.run, seen.attempt)) ?? [], seen]);
  return [...gangs.values()].flatMap((seen) => {
    const [{ run, attempt }] = seen as [Sighting];
    const old = gangs.get(key(run, attempt - 1)) ?? [];
    const failures = old.filter(({ exitCode = 0 }) => exitCode !== 0);
    const failed = failures[0]?.time;
    const created = allSince(seen, workers, () => true);
    const running = allSince(seen, workers, ({ phase }) => phase === 'Running');
    if (failed === undefined || created === undefined || running === undefined) return [];
    const ended = allSince(old, workers, (pod) => pod.ended) ?? NaN;
    const exitCode = failures.find((one) => one.exitCode !== PEER_LOST)?.exitCode ?? PEER_LOST;
    return [{ run, attempt, exitCode, ended: ended - failed, created: created - failed, running: running - failed }];
  });
}

/** When the last of so many pods was seen for the first time as wanted. */
function allSince(seen: readonly Sighting[], workers: number, wanted: (pod: Sighting) => boolean): number | undefined {
  const first = new Map<string, number>();
  for (const pod of seen) if (wanted(pod) && !first.has(pod.pod)) first.set(pod.pod, pod.time);
  return first.size < workers ? undefined : Math.max(...first.values());
}

/** `p50 1.20 s, p95 1.90 s, most 2.00 s` of milliseconds. */
export function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => `${((sorted[Math.ceil(share * sorted.length) - 1] ?? NaN) / 1000).toFixed(2)} s`;
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, most ${at(1)}`;
}
