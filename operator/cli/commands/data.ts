import type { Command } from 'commander';
import { registerConvert } from '../data/convert.ts';
import { registerPack } from '../data/pack.ts';

/** `srdit data convert|pack`: from pictures to what a training reads. */
export function register(program: Command): void {
  const data = program.command('data').description('Prepare pictures for training: convert, then pack')
    .addHelpText('after', `
From pictures to what spec.data.uri names, in two steps (docs/data.md):
  $ ./srdit data convert PICTURES FOLDER --resolution 64x64 --transform center-crop-dhariwal
  $ ./srdit data pack FOLDER file:///datasets/mine --patch 8`);
  registerConvert(data);
  registerPack(data);
}
