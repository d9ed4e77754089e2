import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { openStorage } from '../open.ts';
import type { Storage } from '../storage.ts';
import { bringEmulator, startEmulator, type Emulator } from './emulator.ts';

export const BUCKET = 'srdit-test';

/** An empty prefix of one kind of storage. */
export interface Place {
  readonly storage: Storage;
  /** What another process needs to open the same uri. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Backend {
  readonly name: string;
  /** Why its tests are skipped. */
  readonly skip: string | false;
  place(): Promise<Place>;
}

/** The emulator of this test file, started when it is first wanted and ended after the last test. */
export async function emulatorForTests(): Promise<{ emulator: () => Promise<Emulator>; skip: string | false }> {
  const { program, missing } = await bringEmulator();
  let started: Promise<Emulator> | undefined;
  after(async () => { await (await started)?.[Symbol.asyncDispose](); });
  const start = async (): Promise<Emulator> => {
    const emulator = await startEmulator(program ?? '');
    await emulator.createBucket(BUCKET);
    return emulator;
  };
  return { emulator: () => started ??= start(), skip: missing ?? false };
}

/** Every kind of storage, for tests of what they have in common. To be called once at the top of a test file. */
export async function backendsForTests(): Promise<Backend[]> {
  const { emulator, skip } = await emulatorForTests();
  const folders: string[] = [];
  after(async () => { for (const folder of folders) await rm(folder, { recursive: true, force: true }); });
  let prefixes = 0;
  return [
    {
      name: 'file://', skip: false,
      place: async () => {
        const root = await mkdtemp(join(tmpdir(), 'srdit-storage-'));
        folders.push(root);
        const environment = { SRDIT_FILE_ROOT: root };
        return { storage: openStorage('file:///runs/a', environment), environment };
      },
    },
    {
      name: 'gs://', skip,
      place: async () => {
        const environment = { STORAGE_EMULATOR_HOST: (await emulator()).url };
        return { storage: openStorage(`gs://${BUCKET}/runs/${prefixes++}`, environment), environment };
      },
    },
  ];
}
