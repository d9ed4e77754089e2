import { UNDECIDED } from '../plan/outcome.ts';
import type { Observed, Status } from '../plan/types.ts';
import type { Stored } from './state.ts';
import { label, progressText, resultText } from './text.ts';

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

/** What was said of one resource. */
interface Told { news: string; plainAt: number; text: string; result: string | undefined; damage: string | undefined }

/** On a terminal one line that is drawn over, for all that runs at once; in a pipe a line every 10 seconds. Changes of state
 *  and results are lines in both. */
export function terminalDisplay(out: Terminal, now: () => number = Date.now): Display {
  const drawn = out.isTTY === true;
  const told = new Map<string, Told>();
  /** What the line says of each that runs, the first with a bar. */
  const running = new Map<string, (first: boolean) => string>();
  const clear = (): void => { if (drawn) out.write('\r\u001b[K'); };
  const say = (sentence: string): void => { clear(); out.write(`${sentence}\n`); };
  const draw = (): void => { if (running.size > 0) out.write(`\r${[...running.values()].map((part, index) => part(index === 0)).join(' | ').slice(0, (out.columns ?? 80) - 1)}\u001b[K`); };

  return {
    say,
    begin: (stored) => { told.set(label(stored), { news: '', plainAt: now(), text: '', result: newestResult(stored), damage: newestDamage(stored) }); },
    line: (line) => { clear(); out.write(`${line}\n`); },
    update: (stored, observed) => {
      const name = label(stored);
      const before = told.get(name) ?? { news: '', plainAt: now(), text: '', result: undefined, damage: undefined };
      told.set(name, before);
      const result = newestResult(stored);
      // Of an evaluation of one checkpoint the end tells it.
      if (result !== undefined && result !== before.result && (stored.status as Status).series !== undefined) say(`${name}: ${result}`);
      before.result = result;
      const damage = newestDamage(stored);
      if (damage !== undefined && damage !== before.damage) say(`${name}: ${damage}`);
      before.damage = damage;
      const news = newsOf(stored);
      if (news !== undefined && news !== before.news) {
        before.news = news;
        say(`${name}: ${news}`);
      }
      const { state } = stored.status ?? {};
      if (state !== 'Running') running.delete(name);
      if (state !== 'Running' && state !== 'Restarting') return;
      const text = progressText(stored);
      const phase = observed.progress?.attempt === stored.status?.attempt ? observed.progress?.phase : undefined;
      if (drawn) {
        if (state === 'Running') running.set(name, (first) => (first ? bar(stored, phase, text) : `${name} ${shown(phase, text)}`));
        draw();
      } else if (text !== before.text && now() - before.plainAt >= PLAIN_EVERY_MS) {
        before.plainAt = now();
        before.text = text;
        say(`${name}: ${text}`);
      }
    },
    end: (stored) => { running.delete(label(stored)); clear(); },
  };
}

const shown = (phase: string | undefined, text: string): string =>
  (text === '' ? phase ?? 'Starting' : phase === undefined || phase === 'Training' || phase === 'Sampling' ? text : `${text}, ${phase.toLowerCase()}`);

function bar(stored: Stored, phase: string | undefined, text: string): string {
  const percent = (stored.status as Status | undefined)?.progress?.percent ?? 0;
  const full = Math.round((BAR * percent) / 100);
  return `${stored.metadata.name} [${'#'.repeat(full)}${'-'.repeat(BAR - full)}] ${shown(phase, text)}`;
}

/** What was measured last, as a sentence. */
function newestResult(stored: Stored): string | undefined {
  const result = (stored.status as Status | undefined)?.results?.[0];
  return result === undefined ? undefined : `step ${result.step}: ${resultText(result)}`;
}

/** What could not be measured last, as a sentence. */
function newestDamage(stored: Stored): string | undefined {
  const [damaged] = (stored.status as Status | undefined)?.series?.damaged?.newest ?? [];
  return damaged === undefined ? undefined : `step ${damaged.step} is passed over. ${damaged.message}`;
}

/** What is worth a line of its own: a new state, and why. */
function newsOf(stored: Stored): string | undefined {
  const status = stored.status as Status | undefined;
  const running = status?.conditions?.find((condition) => condition.type === 'Running');
  const { workers, ranksPerWorker } = stored.spec.gang;
  const gang = `${workers * ranksPerWorker} ${workers * ranksPerWorker === 1 ? 'rank' : 'ranks'} in ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  switch (status?.state) {
    case 'Pending': return running?.reason.startsWith('Training') === true || running?.reason === 'CheckpointNotWritten' ? running.message : undefined;
    case 'Starting': return `starting attempt ${status.attempt ?? 1}, ${gang}`;
    case 'Running': return `attempt ${status.attempt ?? 1} runs${status.series?.round === undefined ? '' : ` on the checkpoint of step ${status.series.round.step}`}, ${gang}`;
    case 'Restarting': return running === undefined || UNDECIDED.has(running.reason) ? undefined : `restarting as attempt ${status.attempt ?? 1}. ${running.message}`;
    case 'Suspending': return 'stopping; all ranks write a checkpoint at the same step';
    default: return undefined; // how it ended is for whoever asked for the run
  }
}

/** Nobody looks. */
export const silentDisplay: Display = { begin: () => {}, update: () => {}, line: () => {}, say: () => {}, end: () => {} };
