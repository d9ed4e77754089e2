import * as z from 'zod';
import type { Storage } from '../storage/storage.ts';
import type { Log } from '../cli/log.ts';
import { attemptPath } from '../checkpoint/paths.ts';
import { eventFile, type SummaryEvent } from './tensorboard.ts';

/** A line of attempts/N/metrics/NNNNNN.jsonl. Losses and norm are means over the steps since the line before, over ranks and
 *  micro-batches; loss has the coefficients in it, its parts do not. */
export const MetricsLine = z.object({
  step: z.int().min(0), epoch: z.int().min(0), time: z.iso.datetime(),
  loss: z.number(), denoise: z.number(), alignment: z.number(), classToken: z.number(), contrastive: z.number(),
  lossEma: z.number().describe('Smoothed loss'),
  gradNorm: z.number().describe('Before clipping'), learningRate: z.number(),
  imagesPerSecond: z.number(), stepSeconds: z.number(),
  waitSeconds: z.number().describe('Of each step, spent waiting for data'),
});
export type MetricsLine = z.infer<typeof MetricsLine>;

/** First line of an attempt: the step it goes on from. What older attempts wrote beyond it is void. */
const Start = z.object({ start: z.object({ attempt: z.int().min(1), step: z.int().min(0), time: z.iso.datetime() }) });

const FIRST_FLUSH_SECONDS = 2;
const SLOWEST_FLUSH_SECONDS = 30;

/** Metrics of one attempt, as immutable segments (object stores cannot append): JSON lines, and the same for TensorBoard.
 *  Segments are short at first, so that a person sees something, and longer later. */
export class MetricsWriter {
  readonly #storage: Storage;
  readonly #attempt: number;
  readonly #log: Log;
  #lines: string[];
  #events: SummaryEvent[] = [];
  #segment = 0;
  #flushed = Date.now();
  #writing: Promise<void> = Promise.resolve();

  /** storage: the training's prefix. step: where the attempt goes on from. */
  constructor(storage: Storage, attempt: number, step: number, log: Log) {
    this.#storage = storage.at(attemptPath(attempt));
    this.#attempt = attempt;
    this.#log = log;
    this.#lines = [JSON.stringify({ start: { attempt, step, time: new Date().toISOString() } } satisfies z.infer<typeof Start>)];
    void this.flush();
  }

  add(line: MetricsLine): void {
    this.#lines.push(JSON.stringify(line));
    const { step, time, epoch: _epoch, ...scalars } = line;
    this.#events.push({ wallTime: Date.parse(time) / 1000, step, scalars: prefixed(scalars) });
    const pause = Math.min(SLOWEST_FLUSH_SECONDS, FIRST_FLUSH_SECONDS * 1.2 ** this.#segment);
    if (Date.now() - this.#flushed >= pause * 1000) void this.flush();
  }

  /** A picture for TensorBoard. */
  image(step: number, name: string, png: Uint8Array, width: number, height: number): void {
    this.#events.push({ wallTime: Date.now() / 1000, step, images: { [name]: { png, width, height } } });
  }

  /** Writes what is not yet written. A failure is said and tried again with the next segment: metrics never end a training. */
  flush(): Promise<void> {
    this.#flushed = Date.now();
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#lines.length === 0 && this.#events.length === 0) return;
    const lines = this.#lines;
    const events = this.#events;
    this.#lines = [];
    this.#events = [];
    const segment = String(this.#segment).padStart(6, '0');
    try {
      if (lines.length > 0) await this.#storage.write(`metrics/${segment}.jsonl`, new TextEncoder().encode(`${lines.join('\n')}\n`));
      if (events.length > 0) {
        // TensorBoard reads the files of a folder in the order of their names.
        const name = `events.out.tfevents.${String(Math.floor(events[0]?.wallTime ?? 0)).padStart(10, '0')}.attempt-${this.#attempt}.${segment}`;
        await this.#storage.write(`tensorboard/${name}`, eventFile(events, Date.now() / 1000));
      }
      this.#segment++;
    } catch (error) {
      this.#lines = [...lines, ...this.#lines];
      this.#events = [...events, ...this.#events];
      this.#log.warn(`Cannot write metrics: ${(error as Error).message}. They are kept and tried again`);
    }
  }
}

const prefixed = (scalars: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(scalars).map(([name, value]) => [`train/${name}`, value]));

const SEGMENT_LIMIT_BYTES = 64 << 20;

/** Metrics of a training over all its attempts, by step: lines beyond the step that a later attempt went on from are void.
 *  storage: the training's prefix. Lines that do not parse are left out. */
export async function readMetrics(storage: Storage): Promise<MetricsLine[]> {
  const segments = (await storage.list('attempts'))
    .flatMap(({ path }) => {
      const [, attempt, segment] = /^attempts\/([1-9]\d{0,8})\/metrics\/(\d{6,})\.jsonl$/.exec(path) ?? [];
      return attempt === undefined ? [] : [{ path, attempt: Number(attempt), segment: Number(segment) }];
    })
    .sort((a, b) => a.attempt - b.attempt || a.segment - b.segment);
  let lines: MetricsLine[] = [];
  for (const { path } of segments) {
    const text = new TextDecoder().decode(await storage.read(path, { limitBytes: SEGMENT_LIMIT_BYTES }));
    for (const line of text.split('\n')) {
      const json = parseJson(line);
      const start = Start.safeParse(json);
      if (start.success) lines = lines.filter((earlier) => earlier.step <= start.data.start.step);
      const metrics = MetricsLine.safeParse(json);
      if (metrics.success) lines.push(metrics.data);
    }
  }
  return lines;
}

function parseJson(line: string): unknown {
  try { return JSON.parse(line); } catch { return undefined; }
}
