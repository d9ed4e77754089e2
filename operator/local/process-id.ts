import { readFileSync } from 'node:fs';

/** A process for as long as it lives: numbers come again, a number with its start time does not. */
export interface ProcessId { readonly pid: number; readonly started?: string }

/** Start time in clock ticks since boot (field 22 of /proc/PID/stat), undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not looked yet.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function processId(pid: number): ProcessId {
  const started = startOf(pid);
  return started === undefined ? { pid } : { pid, started };
}

export function isRunning({ pid, started }: ProcessId): boolean {
  if (started !== undefined) return startOf(pid) === started;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
