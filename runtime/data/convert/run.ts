import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Background } from './decode.ts';
import { beginRun, checkDestination, fileOf, finishRun, workFolder, type RunState } from './destination.ts';
import type { Outcome } from './job.ts';
import { datasetJson, labelsOf, topFolder } from './labels.ts';
import { ConvertError } from './picture.ts';
import { Pool } from './pool.ts';
import { openSource, type Source } from './source.ts';
import { checkShaping, type Shaping } from './transforms.ts';

export interface ConvertOptions extends Shaping {
  readonly source: string;
  readonly destination: string;
  /** What transparent pictures are laid on; without it their alpha is dropped, as the reference does. */
  readonly background?: Background | undefined;
  readonly maxImages?: number | undefined;
  /** A broken picture stops the run. */
  readonly strict?: boolean | undefined;
  /** Threads; default one a core. */
  readonly workers?: number | undefined;
  /** Stops the run; the same call goes on with it later. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined;
  /** A picture that is not in the result, and why. */
  readonly onSkipped?: ((name: string, why: string) => void) | undefined;
}

export interface ConvertProgress {
  readonly done: number; readonly total: number;
  /** Of `done`, those that a run before this one wrote. */
  readonly kept: number;
}

export interface ConvertResult {
  readonly written: number; readonly kept: number; readonly broken: number; readonly leftOut: number;
  /** Pixels of a side. */
  readonly side: number;
  /** Whether all pictures have a class. */
  readonly labelled: boolean;
  readonly classes?: readonly string[] | undefined;
  /** The signal came before the end: nothing is lost, but the data set is not there yet. */
  readonly stopped: boolean;
}

/** Makes square RGB pictures and dataset.json of a folder or zip of pictures (`srdit data convert`). Throws ConvertError. */
export async function convert(options: ConvertOptions): Promise<ConvertResult> {
  checkShaping(options);
  if (`${resolve(options.destination)}/`.startsWith(`${resolve(options.source)}/`)) {
    throw new ConvertError('BadDestination', `Cannot write to "${options.destination}": it lies in the source "${options.source}", whose pictures it would join. Name a folder outside`);
  }
  await using source = await openSource(options.source);
  const listed = await survey(source, options);
  const labels = labelsOf(await source.datasetJson(), listed.topFolders, options.source);
  const total = listed.state.pictures;
  const resumed = await checkDestination(options.destination, listed.state);
  await beginRun(options.destination, listed.state);

  const folder = workFolder(options.destination);
  const { transform, resolution, background } = options;
  const run = new Run(options, total, resolution?.width);
  await using pool = await Pool.start({ source: options.source, folder, shaping: { transform, resolution }, background }, Math.min(options.workers ?? availableParallelism(), total));
  let index = 0;
  for await (const item of source.items()) {
    if (index === total || run.over) break;
    const { outcome } = await pool.submit({ index, item, side: run.side, maybeDone: resumed });
    const handled = run.follow(outcome, index, item.name, labels.of(item.name));
    // Where the first picture decides on the size, the others wait for it.
    if (run.side === undefined) await handled;
    index++;
  }
  await run.settled();
  const result = { ...run.counts, side: run.side ?? 0, labelled: run.labelled, classes: labels.classes };
  if (run.stopped) return { ...result, stopped: true };
  if (index !== total) throw new ConvertError('BadSource', `Cannot convert "${options.source}": it lost pictures while it was read. Leave it alone, remove "${folder}" and run the command again`);
  if (run.counts.written + run.counts.kept === 0) throw new ConvertError('BrokenPicture', `Cannot convert "${options.source}": none of its ${total} pictures can be ${run.counts.leftOut > 0 ? 'used' : 'read'}. Look at the first of the messages above`);
  const pictures = () => run.pictures();
  await finishRun(options.destination, pictures, () => datasetJson(pictures, labels.classes));
  return { ...result, stopped: false };
}

/** Goes through the names once: how many, a digest (are they still the same when a killed run goes on?), and the top folders. */
async function survey(source: Source, options: ConvertOptions): Promise<{ state: RunState; topFolders: Set<string> }> {
  const names = createHash('sha256');
  const topFolders = new Set<string>();
  let count = 0;
  for await (const { name } of source.items()) {
    count++;
    names.update(name).update('\0');
    topFolders.add(topFolder(name));
  }
  if (count === 0) throw new ConvertError('BadSource', `Cannot convert "${options.source}": no file in it has the name of a picture (.png, .jpg, .webp, ...). Name a folder or .zip of pictures`);
  const { transform, resolution, background, maxImages } = options;
  const settings = {
    transform, resolution: resolution === undefined ? undefined : `${resolution.width}x${resolution.height}`, background: background === undefined ? undefined : Buffer.from(background).toString('hex'), maxImages,
  };
  return { topFolders, state: { source: resolve(options.source), settings, pictures: Math.min(count, maxImages ?? count), names: names.digest('hex') } };
}

/** What became of the pictures so far. Four bytes for each: the only thing that grows. */
class Run {
  /** The side of all pictures, once known. */
  side: number | undefined;
  stopped = false;
  readonly counts = { written: 0, kept: 0, broken: 0, leftOut: 0 };
  readonly #labels: Int32Array;
  readonly #options: ConvertOptions;
  readonly #open = new Set<Promise<void>>();
  #error: unknown;
  #done = 0;

  constructor(options: ConvertOptions, total: number, side: number | undefined) {
    this.#options = options;
    this.#labels = new Int32Array(total).fill(ABSENT);
    this.side = side;
  }

  /** Whether no more pictures shall be begun. */
  get over(): boolean {
    this.stopped ||= this.#options.signal?.aborted === true;
    return this.stopped || this.#error !== undefined;
  }

  /** Notes the outcome when it comes. */
  follow(outcome: Promise<Outcome>, index: number, name: string, label: number | undefined): Promise<void> {
    const handled = outcome.then((came) => this.#note(came, index, name, label)).catch((error: unknown) => { this.#error ??= error; });
    this.#open.add(handled);
    return handled.finally(() => this.#open.delete(handled));
  }

  /** Waits for what was begun; throws what went wrong. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
    if (this.#error !== undefined) throw this.#error as Error;
  }

  #note(outcome: Outcome, index: number, name: string, label: number | undefined): void {
    const { onProgress, onSkipped, strict } = this.#options;
    switch (outcome.kind) {
      case 'written':
      case 'kept':
        this.side ??= outcome.side;
        this.counts[outcome.kind]++;
        this.#labels[index] = label ?? UNLABELLED;
        break;
      case 'broken':
        if (strict === true) throw new ConvertError('BrokenPicture', `Cannot read picture "${name}": ${outcome.why}. Mend or remove it, or leave --strict away to skip such pictures`);
        this.counts.broken++;
        onSkipped?.(name, outcome.why);
        break;
      case 'left out':
        this.counts.leftOut++;
        onSkipped?.(name, outcome.why);
        break;
      case 'wrong size': throw wrongSize(name, outcome, this.side, this.#options);
      case 'failed': throw new ConvertError('BadDestination', `Cannot write picture ${index} to "${this.#options.destination}": ${outcome.why}. Mend that and give the same command to go on`);
      default: outcome satisfies never;
    }
    this.#done++;
    onProgress?.({ done: this.#done, total: this.#labels.length, kept: this.counts.kept });
  }

  /** The pictures of the result, in order. */
  *pictures(): Generator<{ file: string; label: number | undefined }> {
    for (const [i, label] of this.#labels.entries()) if (label !== ABSENT) yield { file: fileOf(i), label: label === UNLABELLED ? undefined : label };
  }

  get labelled(): boolean { return !this.#labels.includes(UNLABELLED); }
}
const ABSENT = -1;
const UNLABELLED = -2;

function wrongSize(name: string, { width, height }: { width: number; height: number }, side: number | undefined, { resolution }: ConvertOptions): ConvertError {
  const why = width !== height ? 'it is not square' : side !== undefined ? `the others are ${side}x${side}` : 'its side is no power of two';
  return new ConvertError('WrongSize', `Cannot store picture "${name}" of ${width}x${height}: ${why}. ${resolution === undefined ? 'Give --resolution, for example --resolution 256x256 --transform center-crop-dhariwal' : 'Give --transform center-crop-dhariwal'}`);
}
