import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointPath } from '@srdit/runtime/checkpoint/paths.ts';
import type { World } from './scenario.ts';

/** Steps of the complete checkpoints that an attempt has written, oldest first. */
export function checkpointsOf(world: World, name: string, attempt: number): number[] {
  const folder = join(world.data, 'runs', name, 'attempts', String(attempt), 'checkpoints');
  return existsSync(folder) ? readdirSync(folder).filter((step) => existsSync(join(folder, step, 'manifest.json'))).map(Number).sort((a, b) => a - b) : [];
}

/** When an attempt's newest manifest was written, and when another attempt claimed the prefix. */
export const lastManifestTime = (world: World, name: string, attempt: number): number => Math.max(0, ...checkpointsOf(world, name, attempt)
  .map((step) => statSync(join(world.data, 'runs', name, checkpointPath(attempt, step), 'manifest.json')).mtimeMs));
export const claimTime = (world: World, name: string, attempt: number): number => statSync(join(world.data, 'runs', name, 'attempts', String(attempt), 'claim')).mtimeMs;
