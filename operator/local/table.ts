import type { Status } from '../plan/types.ts';
import type { Layout } from './files.ts';
import { holderOf } from './lock.ts';
import { keyOf, type Stored } from './state.ts';
import { duration, figure } from './text.ts';

const HEADER = ['NAME', 'KIND', 'STATE', 'STEP', 'PROGRESS', 'LOSS OR FD', 'IMG/S', 'RESTARTS', 'AGE'];

/** The word of the State column. A state that only a living executor can be in, without one, is an interruption. */
export function stateOf(stored: Stored, layout: Layout): string {
  const state = stored.status?.state ?? 'Pending';
  const settled = state === 'Complete' || state === 'Failed' || state === 'Suspended';
  return settled || holderOf(layout.lock(keyOf(stored))) !== undefined ? state : 'Interrupted';
}

/** The columns of `kubectl get`, for runs of this machine. now: ISO time. */
export function statusTable(resources: readonly Stored[], layout: Layout, now: string): string[] {
  const rows = resources.map((stored) => {
    const status = (stored.status ?? {}) as Status;
    const { progress, restarts, results } = status;
    const distance = results?.[0]?.frechetDistance;
    const quality = stored.kind === 'SRDiTEvaluation' ? distance : progress?.loss;
    const running = status.state === 'Running';
    return [
      stored.metadata.namespace === 'default' ? stored.metadata.name : `${stored.metadata.namespace}/${stored.metadata.name}`,
      stored.kind, stateOf(stored, layout),
      progress === undefined ? '-' : `${progress.step ?? progress.pictures ?? 0}/${progress.of ?? 0}`,
      progress === undefined ? '-' : `${progress.percent ?? 0} %`,
      quality === undefined ? '-' : figure(quality),
      progress?.imagesPerSecond === undefined || !running ? '-' : figure(progress.imagesPerSecond),
      String((restarts?.charged ?? 0) + (restarts?.free ?? 0)),
      duration((Date.parse(now) - Date.parse(stored.metadata.creationTimestamp)) / 1000),
    ];
  });
  const table = [HEADER, ...rows];
  const widths = HEADER.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}
