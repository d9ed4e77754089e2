import { readFileSync } from 'node:fs';

export interface Usage { readonly cpuSeconds: number; readonly peakRss: number; readonly rss: number }

/** CPU time of all threads in seconds; resident memory and its peak in bytes (Linux: VmHWM). */
export function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakRss: maxRSS * 1024, rss: Number(kib ?? 0) * 1024 };
}
