import { basename } from 'node:path';
import { Option, type Command } from 'commander';
import { InputError } from '../errors.ts';
import { counter } from './counter.ts';

interface Options { resolution?: string; transform?: string; maxImages?: string; background?: string; workers?: string; strict?: boolean }

/** `srdit data convert SOURCE DESTINATION`. */
export function registerConvert(data: Command): void {
  data.command('convert')
    .description('Make square pictures of one size, with their classes, of a folder or zip of pictures')
    .argument('<source>', 'a folder, its folders being the classes, or a .zip of such; a dataset.json in it says the classes itself')
    .argument('<destination>', 'a new or empty folder, or a .zip')
    .option('--resolution <size>', 'size of the results, as 256x256 or 256')
    // The names of transforms.ts, which is only loaded when the command runs.
    .addOption(new Option('--transform <name>', 'how to make pictures square').choices(['center-crop-dhariwal', 'center-crop', 'center-crop-wide']))
    .option('--max-images <number>', 'only the first pictures')
    .option('--background <rrggbb>', 'lay transparent pictures on this colour instead of dropping their transparency')
    .option('--strict', 'stop at the first picture that cannot be read, instead of naming and skipping it')
    .option('--workers <number>', 'threads (default: one a core)')
    .addHelpText('after', `
The same pictures as the reference's, bit for bit. Killed or stopped, the same command goes on.

Examples:
  $ ./srdit data convert imagenet/train images --resolution 256x256 --transform center-crop-dhariwal
  $ ./srdit data convert emoji emoji-32.zip --resolution 32 --transform center-crop --background ffffff

Exit codes: 0 done, 64 wrong input (with --strict also a broken picture), 75 stopped.`)
    .action(async (source: string, destination: string, options: Options) => { process.exitCode = await run(source, destination, options); });
}

async function run(source: string, destination: string, options: Options): Promise<number> {
  const { convert } = await import('@srdit/runtime/data/convert/run.ts');
  const { TRANSFORMS } = await import('@srdit/runtime/data/convert/transforms.ts');
  const stop = new AbortController();
  const onSignal = (): void => { stop.abort(); };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const shown = counter(process.stderr, `convert ${basename(source)}`, 'pictures');
  try {
    const result = await convert({
      source, destination, resolution: sizeOf(options.resolution), transform: TRANSFORMS.find((name) => name === options.transform),
      maxImages: wholeOf('max-images', options.maxImages), workers: wholeOf('workers', options.workers), background: colourOf(options.background), strict: options.strict ?? false, signal: stop.signal,
      onProgress: ({ done, total, kept }) => { shown.update(done, total, kept); },
      onSkipped: (name, why) => { shown.say(`Skipped "${name}": ${why}`); },
    });
    shown.end();
    const made = result.written + result.kept;
    if (result.stopped) {
      process.stderr.write(`Stopped after ${made} pictures. The same command goes on\n`);
      return 75;
    }
    process.stdout.write(`${[
      `${made} pictures of ${result.side}x${result.side} in "${destination}"`,
      result.kept > 0 ? `${result.kept} of them by a run before` : '',
      result.broken > 0 ? `${result.broken} broken ones skipped` : '',
      result.leftOut > 0 ? `${result.leftOut} left out by the transform` : '',
      !result.labelled ? 'without classes' : result.classes === undefined ? 'with classes' : `${result.classes.length} ${result.classes.length === 1 ? 'class' : 'classes'}`,
    ].filter(Boolean).join(', ')}\n`);
    return 0;
  } finally {
    shown.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function sizeOf(text: string | undefined): { width: number; height: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(text);
  if (match === null) throw new InputError(`Cannot use the size "${text}": give --resolution WIDTHxHEIGHT or one number, for example --resolution 256x256`);
  return { width: Number(match[1]), height: Number(match[2] ?? match[1]) };
}

function wholeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InputError(`Cannot use "${text}": give --${name} a whole number of at least 1`);
  return value;
}

function colourOf(text: string | undefined): [number, number, number] | undefined {
  if (text === undefined) return undefined;
  const match = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (match === null) throw new InputError(`Cannot use the colour "${text}": give --background six hexadecimal digits, for example --background ffffff for white`);
  return [1, 2, 3].map((i) => Number.parseInt(match[i] as string, 16)) as [number, number, number];
}
