/** What the tests of whole lives have in common. */
import assert from 'node:assert/strict';
import type { ResourceName } from 'kopf-ts';
import type { Life } from './kubelets.ts';
import type { World } from './world.ts';

export const SECOND = 1000;
export const done: Life = { after: 60 * SECOND, exitCode: 0 };
export const names = (world: World, resource: ResourceName): string[] => world.server.list(resource).map(({ metadata }) => metadata.name ?? '');

/** No breach of the law, and nothing written over and over. */
export function lawful(world: World): void { assert.deepEqual(world.law.breaches, []); }
