import type { Gang, Status } from '../types.ts';

/** [depth, hidden size] of the named sizes of SiT. */
const SIZES: Readonly<Record<string, readonly [number, number]>> = { S: [12, 384], B: [12, 768], L: [24, 1024], XL: [28, 1152] };

/** Bytes a second that a checkpoint is trusted to reach storage with, at the least. */
const STORAGE_RATE = 50e6;

/** Bytes of a checkpoint before one was written: 18 d² weights a block (attention 4, MLP 8, modulation 6), each with its
 *  average and two moments, 4 bytes each. */
function estimate(gang: Gang): number {
  if (gang.kind !== 'SRDiTTraining') return 0;
  const { preset, size } = gang.spec.model;
  const [depth, hidden] = size === undefined ? SIZES[preset?.split(/[-/]/)[1] ?? 'XL'] ?? [28, 1152] : [size.depth, size.hiddenSize];
  return 18 * depth * hidden ** 2 * 16;
}

/** Time from TERM to KILL: the step under way, then the checkpoint, at most 15 minutes. */
export function gracePeriodSeconds(gang: Gang, status: Status | undefined): number {
  const bytes = status?.checkpoints?.last?.bytes ?? estimate(gang);
  return Math.min(900, 60 + Math.ceil(bytes / STORAGE_RATE));
}
