import type { Status } from '../plan/types.ts';
import { relative } from 'node:path';
import { type Layout, readIfThere } from './files.ts';
import { keyOf, type Stored } from './state.ts';
import { duration, figure, label, localPath, resultText } from './text.ts';

const TAIL = 12;

/** How a run ended, for a person: what it did or why it did not, where its things lie, what to do next. */
export function endingOf(stored: Stored, layout: Layout): string[] {
  const status = (stored.status ?? {}) as Status;
  const name = label(stored);
  // What is elsewhere keeps its uri: as a path it would lose a slash.
  const here = (uri: string): string => (uri.startsWith('file://') ? relative(process.cwd(), localPath(uri, layout.volumes)) || '.' : uri);
  const logs = Array.from({ length: stored.spec.gang.workers }, (_, worker) => layout.log(keyOf(stored), status.attempt ?? 1, worker));
  const places = [
    ...(status.checkpoints?.last === undefined ? [] : [`  checkpoint  ${here(status.checkpoints.last.uri)} (step ${status.checkpoints.last.step})`]),
    ...(status.samples === undefined ? [] : [`  samples     ${here(status.samples.uri)}`]),
    // Of many, those of the newest checkpoint.
    ...(status.results ?? []).slice(0, 1).flatMap((result) => [result.grid, result.samples]).flatMap((uri) => (uri === undefined ? [] : [`  pictures    ${here(uri)}`])),
  ];
  const logPlace = `  log         ${relative(process.cwd(), logs[0] ?? '')}`;

  switch (status.state) {
    case 'Complete':
      return [`${name}: complete, ${achieved(stored, status)}${status.startTime === undefined || status.completionTime === undefined ? '' : ` in ${duration((Date.parse(status.completionTime) - Date.parse(status.startTime)) / 1000)}`}`, ...places, logPlace];
    case 'Failed': {
      const failed = status.conditions?.find((condition) => condition.type === 'Failed');
      const sentence = `${name}: failed (${failed?.reason ?? 'unknown'}). ${failed?.message ?? ''}`;
      // A wrong configuration is all in its sentence; a crash is explained by what came before it.
      const tails = failed?.reason === 'WrongConfiguration' ? [] : logs.slice(0, 2).flatMap((path) => {
        const lines = (readIfThere(path) ?? '').trimEnd().split('\n').slice(-TAIL);
        return [`--- last lines of ${relative(process.cwd(), path)}`, ...lines];
      });
      return [...tails, sentence, ...places, logPlace];
    }
    case 'Suspended': {
      const suspended = status.conditions?.find((condition) => condition.type === 'Suspended');
      const done = status.progress === undefined ? '' : ` at ${status.progress.pictures === undefined ? `step ${status.progress.step ?? 0}` : `picture ${status.progress.pictures}`} of ${status.progress.of ?? 0}`;
      return [`${name}: stopped${done}. ${suspended?.message ?? ''}`, ...places, logPlace];
    }
    default:
      return [`${name}: ${status.state ?? 'not begun'}`];
  }
}

function achieved(stored: Stored, status: Status): string {
  const result = status.results?.[0];
  if (stored.kind === 'SRDiTTraining') return `${status.progress?.step ?? stored.spec.steps} steps${status.progress?.loss === undefined ? '' : `, loss ${figure(status.progress.loss)}`}`;
  if (status.series === undefined) return result === undefined ? `${stored.spec.count} pictures` : resultText(result);
  const { measured, damaged, skipped } = status.series;
  const but = [
    damaged === undefined ? '' : `${damaged.count} ${damaged.count === 1 ? 'is' : 'are'} damaged`,
    skipped === undefined ? '' : `${skipped.count} were gone before their turn; raise checkpoints.keep of the training`,
  ].filter((part) => part !== '').join('; ');
  return `${measured} ${measured === 1 ? 'checkpoint' : 'checkpoints'} measured${but === '' ? '' : ` (${but})`}${result === undefined ? '' : `, step ${result.step}: ${resultText(result)}`}`;
}
