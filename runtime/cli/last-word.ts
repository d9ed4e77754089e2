import { writeFileSync } from 'node:fs';
import type { LastWord } from '@srdit/crds';
import { ExitCode } from '@srdit/crds';
import type { Done } from './context.ts';
import { isConfiguration } from '../storage/storage.ts';
import { ExitError } from './exit.ts';

/** Kubernetes keeps only the end of a longer termination message, which would not be JSON any more. */
export const LIMIT_BYTES = 4096;
/** Exit code of what nobody foresaw. */
export const CRASHED = 1;

/** PeerLostError of the engine, told by its name: this file is loaded before TensorFlow is. */
interface PeerLost extends Error { readonly rank: number }
const isPeerLost = (error: unknown): error is PeerLost => error instanceof Error && error.name === 'PeerLostError';

export function wordOfDone(done: Done, rank: number): LastWord {
  return { exitCode: ExitCode.Done, rank, ...done };
}

/** What an error means for the exit code and for people. */
export function wordOfError(error: unknown, rank: number): LastWord {
  if (error instanceof ExitError) return { exitCode: error.exitCode, reason: error.reason, message: error.message, rank, ...error.word };
  if (isPeerLost(error)) {
    return { exitCode: ExitCode.PeerLost, reason: 'PeerLost', message: error.rank >= 0 ? `Rank ${error.rank} is gone, so rank ${rank} ends as well` : `A peer of rank ${rank} is gone, so it ends as well`, rank, ...(error.rank >= 0 && { lostRank: error.rank }) };
  }
  // A bucket that is missing or refuses us: no restart mends that.
  if (isConfiguration(error)) return { exitCode: ExitCode.WrongConfiguration, reason: error.code, message: error.message, rank };
  return { exitCode: CRASHED, reason: 'Crashed', message: `Rank ${rank} failed: ${error instanceof Error ? error.message : String(error)}`, rank };
}

/** JSON of at most 4 KiB of UTF-8: the message is what gets shorter. */
export function encodeLastWord(word: LastWord): string {
  const fits = (text: string): boolean => Buffer.byteLength(text) <= LIMIT_BYTES;
  let message = word.message.slice(0, 2048);
  for (;;) {
    const text = JSON.stringify({ ...word, message });
    if (fits(text) || message === '') return text;
    message = message.length > 16 ? `${message.slice(0, Math.floor(message.length * 0.7))}…` : '';
  }
}

/** Best effort: a process that ends for another reason must not end for this one. */
export function writeLastWord(path: string | undefined, word: LastWord): void {
  if (path === undefined) return;
  try { writeFileSync(path, encodeLastWord(word)); } catch { /* the exit code still says the most */ }
}

/** Lower is more telling: the root cause, not its echo in the other ranks. 0 is the least. */
function rankOfCode(code: number): number {
  switch (code) {
    case ExitCode.Done: return 9;
    case ExitCode.PeerLost: return 4;
    case ExitCode.Stopped: return 3;
    case ExitCode.Diverged: return 2;
    case ExitCode.WrongConfiguration: return 1;
    default: return 0;
  }
}

/** The word of the worker from those of its ranks: the most telling one, with the step and the checkpoint that any rank knows. */
export function tellWorker(words: readonly LastWord[]): LastWord {
  const told = [...words].sort((a, b) => rankOfCode(a.exitCode) - rankOfCode(b.exitCode) || a.rank - b.rank)[0];
  if (told === undefined) throw new TypeError('A worker has at least one rank');
  const step = Math.max(-1, ...words.map((word) => word.step ?? -1));
  const checkpoint = words.find((word) => word.checkpoint !== undefined)?.checkpoint;
  const result = words.find((word) => word.result !== undefined)?.result;
  const { lostRank, measuring } = told;
  const { loss, lossEma, samples } = words.find((word) => word.loss !== undefined || word.samples !== undefined) ?? {};
  return {
    exitCode: told.exitCode, reason: told.reason, message: told.message, rank: told.rank,
    ...(step >= 0 && { step }), ...(lostRank !== undefined && { lostRank }), ...(measuring !== undefined && { measuring }),
    ...(checkpoint !== undefined && { checkpoint }), ...(result !== undefined && { result }),
    ...(loss !== undefined && { loss }), ...(lossEma !== undefined && { lossEma }), ...(samples !== undefined && { samples }),
  };
}
