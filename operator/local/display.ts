import type { Observed, Status } from '../plan/types.ts';
import type { Stored } from './state.ts';
import { label, progressText } from './text.ts';

/** What a person sees while a resource runs. */
export interface Display {
  begin(stored: Stored): void;
  update(stored: Stored, observed: Observed): void;
  /** A line of a rank's log. */
  line(line: string): void;
  /** A sentence from us. */
  say(sentence: string): void;
  end(stored: Stored): void;
}

export interface Terminal { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown }

const BAR = 24;
const PLAIN_EVERY_MS = 10_000;

/** On a terminal one line that is drawn over; in a pipe a line every 10 seconds. Changes of state are lines in both. */
export function terminalDisplay(out: Terminal, now: () => number = Date.now): Display {
  const drawn = out.isTTY === true;
  let told = '';
  let lastPlain = now();
  let lastText = '';
  const clear = (): void => { if (drawn) out.write('\r\u001b[K'); };
  const say = (sentence: string): void => { clear(); out.write(`${sentence}\n`); };

  return {
    say,
    begin: () => { told = ''; lastPlain = now(); lastText = ''; },
    line: (line) => { clear(); out.write(`${line}\n`); },
    update: (stored, observed) => {
      const news = newsOf(stored);
      if (news !== undefined && news !== told) {
        told = news;
        say(`${label(stored)}: ${news}`);
      }
      if (stored.status?.state !== 'Running' && stored.status?.state !== 'Restarting') return;
      const text = progressText(stored);
      const phase = observed.progress?.attempt === stored.status.attempt ? observed.progress?.phase : undefined;
      if (drawn) {
        if (stored.status.state === 'Running') out.write(`\r${bar(stored, phase, text, (out.columns ?? 80) - 1)}\u001b[K`);
      } else if (text !== lastText && now() - lastPlain >= PLAIN_EVERY_MS) {
        lastPlain = now();
        lastText = text;
        say(`${label(stored)}: ${text}`);
      }
    },
    end: () => clear(),
  };
}

function bar(stored: Stored, phase: string | undefined, text: string, width: number): string {
  const percent = (stored.status as Status | undefined)?.progress?.percent ?? 0;
  const full = Math.round((BAR * percent) / 100);
  const shown = text === '' ? phase ?? 'Starting' : phase === undefined || phase === 'Training' || phase === 'Sampling' ? text : `${text}, ${phase.toLowerCase()}`;
  return `${stored.metadata.name} [${'#'.repeat(full)}${'-'.repeat(BAR - full)}] ${shown}`.slice(0, width);
}

/** What is worth a line of its own: a new state, and why. */
function newsOf(stored: Stored): string | undefined {
  const status = stored.status as Status | undefined;
  const running = status?.conditions?.find((condition) => condition.type === 'Running');
  const { workers, ranksPerWorker } = stored.spec.gang;
  const gang = `${workers * ranksPerWorker} ${workers * ranksPerWorker === 1 ? 'rank' : 'ranks'} in ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  switch (status?.state) {
    case 'Pending': return running?.reason.startsWith('Training') ? running.message : undefined;
    case 'Starting': return `starting attempt ${status.attempt ?? 1}, ${gang}`;
    case 'Running': return `attempt ${status.attempt ?? 1} runs, ${gang}`;
    case 'Restarting': return running === undefined || running.reason === 'GangLost' ? undefined : `restarting as attempt ${status.attempt ?? 1}. ${running.message}`;
    case 'Suspending': return 'stopping; all ranks write a checkpoint at the same step';
    default: return undefined; // how it ended is for whoever asked for the run
  }
}

/** Nobody looks. */
export const silentDisplay: Display = { begin: () => {}, update: () => {}, line: () => {}, say: () => {}, end: () => {} };
