/** How far something is that counts: on a terminal a bar that is drawn over, in a pipe a line now and then. */
export interface Counter {
  /** skipped: of `done`, what cost no time and must not count for the rate. */
  update(done: number, total: number, skipped?: number): void;
  /** A sentence that stays. */
  say(sentence: string): void;
  /** Tells the last state and leaves the line. */
  end(): void;
}
export interface Output { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown }

const BAR = 24;
const DRAWN_EVERY_MS = 100;
const PLAIN_EVERY_MS = 5_000;

export function counter(out: Output, title: string, unit: string, now: () => number = performance.now.bind(performance)): Counter {
  const drawn = out.isTTY === true;
  const start = now();
  let toldAt = drawn ? -Infinity : start;
  let last: readonly [done: number, total: number, skipped: number] | undefined;
  let told = true;
  const tell = ([done, total, skipped]: readonly [number, number, number]): void => {
    const seconds = (now() - start) / 1000;
    const rate = seconds > 0 ? (done - skipped) / seconds : 0;
    const text = `${done} of ${total} ${unit}, ${rate.toFixed(rate < 10 ? 1 : 0)} ${unit}/s, ${done < total ? `${rate > 0 ? duration((total - done) / rate) : '?'} left` : `in ${duration(seconds)}`}`;
    const full = Math.floor((BAR * done) / Math.max(1, total));
    out.write(drawn ? `\r${`${title} [${'#'.repeat(full)}${'-'.repeat(BAR - full)}] ${text}`.slice(0, (out.columns ?? 80) - 1)}\u001b[K` : `${title}: ${text}\n`);
    toldAt = now();
    told = true;
  };
  return {
    update(done, total, skipped = 0) {
      last = [done, total, skipped];
      told = false;
      if (now() - toldAt >= (drawn ? DRAWN_EVERY_MS : PLAIN_EVERY_MS)) tell(last);
    },
    say(sentence) {
      out.write(drawn ? `\r\u001b[K${sentence}\n` : `${sentence}\n`);
    },
    end() {
      if (last === undefined) return;
      if (!told) tell(last);
      if (drawn) out.write('\n');
      last = undefined;
    },
  };
}

/** "12 s", "3 min 20 s", "2 h 5 min". */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
