/** A rank for tests of the launcher. SRDIT_TEST_RANKS is a JSON list, one entry a rank: what it does. */
import type { LastWord } from '@srdit/crds';

export interface Script {
  /** Exit code after `after` milliseconds, or a signal it ends itself with. Without it the rank waits for TERM. */
  readonly end?: number | 'SIGKILL';
  readonly after?: number;
  /** Exit code on TERM. Without it TERM is noted and the rank goes on. */
  readonly onTerm?: number;
}

const rank = Number(process.env['SRDIT_RANK']);
const script = (JSON.parse(process.env['SRDIT_TEST_RANKS'] ?? '[]') as Script[])[rank] ?? {};

function leave(exitCode: number): void {
  const word: LastWord = { exitCode, reason: 'Scripted', message: `Rank ${rank} ends with ${exitCode}`, rank, step: 10 + rank };
  process.stdout.write(`${word.message}\n`);
  process.send?.(word, undefined, undefined, () => process.exit(exitCode));
}

process.on('SIGTERM', () => { if (script.onTerm !== undefined) leave(script.onTerm); });
process.once('disconnect', () => process.exit(75));
process.stdout.write(`Rank ${rank} has begun\n`);
if (script.end !== undefined) {
  const { end } = script;
  setTimeout(() => { if (typeof end === 'number') leave(end); else process.kill(process.pid, end); }, script.after ?? 0);
}
