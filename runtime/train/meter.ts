import { median } from '../median.ts';
import type { StepReport } from './step.ts';

/** Share of the newest loss in the smoothed one, once enough steps are behind it. */
const NEWEST = 0.02;

/** Smoothed loss after step k = 1, 2, ...: the mean of all losses at first, then an exponential average over about 50 steps.
 *  A function of the losses alone, so that a resumed run goes on with the same number. */
export const smoothed = (before: number | undefined, loss: number, k: number): number =>
  before === undefined ? loss : before + (loss - before) * Math.max(1 / k, NEWEST);

const SUMMED = ['loss', 'denoise', 'alignment', 'classToken', 'contrastive', 'gradNorm'] as const satisfies readonly (keyof StepReport)[];
type Means = Record<(typeof SUMMED)[number], number>;

/** Adds up what steps report between two lines of metrics. */
export class Window {
  #steps = 0;
  #seconds = 0;
  #sums: Means = emptyMeans();

  add(report: StepReport, seconds: number): void {
    this.#steps++;
    this.#seconds += seconds;
    for (const name of SUMMED) this.#sums[name] += report[name];
  }

  /** Means over the steps since the last call, and begins anew; undefined if there were none. */
  take(): (Means & { readonly steps: number; readonly stepSeconds: number }) | undefined {
    if (this.#steps === 0) return undefined;
    const steps = this.#steps;
    const means = emptyMeans();
    for (const name of SUMMED) means[name] = this.#sums[name] / steps;
    const stepSeconds = this.#seconds / steps;
    this.#steps = 0;
    this.#seconds = 0;
    this.#sums = emptyMeans();
    return { ...means, steps, stepSeconds };
  }
}

const emptyMeans = (): Means => ({ loss: 0, denoise: 0, alignment: 0, classToken: 0, contrastive: 0, gradNorm: 0 });

/** Seconds of a step lately, for rate and time left: the median of the last few, which a preview or a checkpoint in
 *  between does not move. */
export class Pace {
  readonly #recent: number[] = [];

  add(seconds: number): void {
    this.#recent.push(seconds);
    if (this.#recent.length > 21) this.#recent.shift();
  }

  /** Undefined before the first step. */
  get stepSeconds(): number | undefined {
    return this.#recent.length === 0 ? undefined : median(this.#recent);
  }
}
