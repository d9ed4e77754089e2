import type { Command } from 'commander';
import { registerConvert } from '../data/convert.ts';
import { registerPack } from '../data/pack.ts';

/** `srdit data convert|pack`: from pictures to what a training reads. */
export function register(program: Command): void {
  const data = program.command('data').description('Prepare pictures for training');
  registerConvert(data);
  registerPack(data);
}
