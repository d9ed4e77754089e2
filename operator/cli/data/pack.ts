import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Storage } from '@srdit/runtime/storage/storage.ts';
import { InputError } from '../errors.ts';
import { root } from '../options.ts';
import { counter } from './counter.ts';

interface Options { patch: string; shardRows?: string; classes?: string[]; strict?: boolean; root: string }

/** `srdit data pack SOURCE DESTINATION`. */
export function registerPack(data: Command): void {
  data.command('pack')
    .description('Pack converted pictures into shards that a training reads')
    .argument('<source>', 'the folder or .zip that data convert wrote')
    .argument('<destination>', 'a folder, or a file:// or gs:// uri as spec.data.uri has it')
    .option('--patch <pixels>', 'side of the patches that become latents: pictures of R pixels give (R / patch)² tokens', '8')
    .option('--shard-rows <number>', 'pictures a shard (default: as many as make 32 MiB)')
    .option('--classes <name...>', "names of the classes 0, 1, ... (default: those that convert found)")
    .option('--strict', 'stop at the first picture that cannot be read, instead of naming and skipping it')
    .addOption(root())
    .addHelpText('after', `
Killed or stopped, the same command goes on: shards that are done are verified and kept.

Example:
  $ ./srdit data pack images file:///datasets/emoji --patch 8

Exit codes: 0 done, 64 wrong input (with --strict also a broken picture), 75 stopped.`)
    .action(async (source: string, destination: string, options: Options) => { process.exitCode = await run(source, destination, options); });
}

async function run(source: string, destination: string, options: Options): Promise<number> {
  const { packDataset } = await import('@srdit/runtime/data/pack.ts');
  const { DataError } = await import('@srdit/runtime/data/error.ts');
  const { openArchive } = await import('@srdit/runtime/data/archive.ts');
  const { FileStorage } = await import('@srdit/runtime/storage/file.ts');
  await using opened = new AsyncDisposableStack();
  const from = /\.zip$/i.test(source) ? opened.use(await openArchive(source)) : new FileStorage(`file://${resolve(source)}`, resolve(source));
  const to = await storageOf(destination, options.root);
  const stop = new AbortController();
  const onSignal = (): void => { stop.abort(); };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const shown = counter(process.stderr, `pack ${basename(resolve(source))}`, 'pictures');
  try {
    const { index, skipped, already } = await packDataset(from, to, {
      patch: wholeOf('patch', options.patch), shardRows: options.shardRows === undefined ? undefined : wholeOf('shard-rows', options.shardRows),
      classes: options.classes, strict: options.strict, signal: stop.signal,
      onProgress: ({ done, kept, of }) => { shown.update(done, of, kept); },
      onSkipped: (name, why) => { shown.say(`Skipped "${name}": ${why}`); },
    });
    shown.end();
    const { total, side, latent, classes, shards } = index;
    process.stdout.write(`${[
      `${total} pictures of ${side}x${side} in "${destination}"${already ? ', packed before' : ''}`, `${shards.length} ${shards.length === 1 ? 'shard' : 'shards'}`,
      `latents [${latent.join(', ')}]`, `${classes.length} ${classes.length === 1 ? 'class' : 'classes'}`,
      skipped.length > 0 ? `${skipped.length} broken ${skipped.length === 1 ? 'one' : 'ones'} skipped` : '',
    ].filter(Boolean).join(', ')}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof DataError) || error.code !== 'Stopped') throw error;
    shown.end();
    process.stderr.write(`${error.message}\n`);
    return 75;
  } finally {
    shown.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** file:///x lies where ./srdit run looks for it. */
async function storageOf(destination: string, folder: string): Promise<Storage> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(destination)) {
    const { openStorage } = await import('@srdit/runtime/storage/open.ts');
    const { layout } = await import('../../local/files.ts');
    return openStorage(destination, { ...process.env, SRDIT_FILE_ROOT: layout(folder).volumes });
  }
  const { FileStorage } = await import('@srdit/runtime/storage/file.ts');
  return new FileStorage(`file://${resolve(destination)}`, resolve(destination));
}

function wholeOf(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InputError(`Cannot use "${text}": give --${name} a whole number of at least 1`);
  return value;
}
