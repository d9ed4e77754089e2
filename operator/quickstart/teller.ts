import type { Terminal } from '../local/display.ts';

/** What a person sees of the parts that no resource runs: sentences, and below them a line that is drawn over. */
export interface Teller {
  say(sentence: string): void;
  /** How far the present part is. In a pipe one in ten seconds is written. */
  progress(text: string): void;
}

const PLAIN_EVERY_MS = 10_000;

export function terminalTeller(out: Terminal, now: () => number = Date.now): Teller {
  const drawn = out.isTTY === true;
  let lastPlain = now();
  return {
    say: (sentence) => {
      lastPlain = now();
      out.write(`${drawn ? '\r\u001b[K' : ''}${sentence}\n`);
    },
    progress: (text) => {
      if (drawn) {
        out.write(`\r${text.slice(0, (out.columns ?? 80) - 1)}\u001b[K`);
      } else if (now() - lastPlain >= PLAIN_EVERY_MS) {
        lastPlain = now();
        out.write(`${text}\n`);
      }
    },
  };
}
