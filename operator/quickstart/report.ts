import { duration, figure } from '../local/text.ts';
import type { Baselines, Numbers } from './baselines.ts';
import type { CurvePoint } from './page.ts';

/** What the quickstart came to. */
export interface Result extends Baselines {
  readonly trained: Numbers;
  readonly steps: number;
  readonly batchSize: number;
  readonly ranks: number;
  /** Time of all steps together, without starts and compiling. */
  readonly trainingSeconds: number;
  readonly loss: LossEnds;
  readonly features: string;
}

/** Mean losses of the first and the last stretch of a training, and how many steps each stretch has. */
export interface LossEnds { readonly first: number; readonly firstSteps: number; readonly last: number; readonly lastSteps: number }

export interface Line extends CurvePoint { readonly stepSeconds: number }

/** Ends of the loss curve: its first line, and the lines of the last twentieth. Each line stands for the steps since the one
 *  before. @throws RangeError without a line */
export function lossEnds(lines: readonly Line[]): LossEnds {
  const [first] = lines;
  const last = lines.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('A training without a line of metrics has no loss');
  const spans = spansOf(lines);
  const from = last.step * 0.95;
  let sum = 0;
  let lastSteps = 0;
  lines.forEach((line, i) => {
    if (line.step <= from && line !== last) return;
    sum += line.loss * (spans[i] ?? 0);
    lastSteps += spans[i] ?? 0;
  });
  return { first: first.loss, firstSteps: first.step, last: sum / lastSteps, lastSteps };
}

/** Seconds of all steps together. */
export function trainingSeconds(lines: readonly Line[]): number {
  const spans = spansOf(lines);
  return lines.reduce((sum, line, i) => sum + line.stepSeconds * (spans[i] ?? 0), 0);
}

const spansOf = (lines: readonly Line[]): number[] => lines.map((line, i) => line.step - (lines[i - 1]?.step ?? 0));

const share = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(3));

/** Header row first. */
export function qualityTable({ noise, untrained, trained, features }: Result): string[][] {
  const row = (name: string, pick: (numbers: Numbers) => string): string[] => [name, pick(noise), pick(untrained), pick(trained)];
  return [
    ['', 'noise', 'untrained', 'trained'],
    row(`Fréchet distance of ${features}, lower is better`, (numbers) => figure(numbers.frechetDistance)),
    row('precision: drawn pictures that lie among real ones', (numbers) => share(numbers.precision)),
    row('recall: real pictures that lie among drawn ones', (numbers) => share(numbers.recall)),
  ];
}

/** Header row first. */
export function trainingTable({ steps, batchSize, ranks, trainingSeconds: seconds, loss }: Result): string[][] {
  return [
    ['', 'training'],
    ['steps', `${steps}, ${batchSize} pictures each over ${ranks} ${ranks === 1 ? 'rank' : 'ranks'}`],
    ['time of the steps', `${duration(seconds)}, ${figure((steps * batchSize) / seconds)} pictures a second`],
    ['loss at the start', `${figure(loss.first)} (${loss.firstSteps === 1 ? 'first step' : `first ${loss.firstSteps} steps`})`],
    ['loss at the end', `${figure(loss.last)} (${loss.lastSteps === 1 ? 'last step' : `last ${loss.lastSteps} steps`})`],
  ];
}

/** What to keep in mind with the numbers. */
export const caption = ({ trained }: Result): string =>
  `Each column: ${trained.count} pictures against ${trained.referenceCount} real ones, same sampler, labels and noise. A fresh model predicts velocity 0, so what it draws is the noise. `
  + 'Scaled down, noise is plain grey, which lies in the middle of all real pictures: hence its precision. Pixel features see colour and coarse shape only; this is no FID.';

/** A table as lines for a terminal. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 || columns === 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd());
}
