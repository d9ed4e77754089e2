import type { CheckpointRef } from '@srdit/crds';
import type { Claim } from '../checkpoint/claim.ts';
import { CheckpointError } from '../checkpoint/error.ts';
import { bestOf, knownCheckpoints } from '../checkpoint/list.ts';
import { retainCheckpoints } from '../checkpoint/retain.ts';
import { writeCheckpoint, type Contents } from '../checkpoint/write.ts';
import { ExitError, wrongConfiguration } from '../cli/exit.ts';
import type { Log } from '../cli/log.ts';
import type { ModelConfig } from '../model/config.ts';
import { parameterTable, parameterTables } from '../model/parameters.ts';
import type { TensorEntry } from '../safetensors/types.ts';
import { bytesOf } from '../safetensors/write.ts';
import { isConfiguration, type Storage } from '../storage/storage.ts';
import type { HostState, Kind } from './state.ts';

/** Checkpoints as status shows them. */
export interface Kept { readonly checkpoints: CheckpointRef[]; readonly best?: CheckpointRef }

/** Writes checkpoints in the background, one at a time: the training goes on with the next steps while the snapshot of this
 *  one travels. Rank 0 only. */
export class Checkpointer {
  readonly #storage: Storage;
  readonly #claim: Claim;
  readonly #config: ModelConfig;
  readonly #keep: number;
  readonly #log: Log;
  readonly #changed: (kept: Kept) => void;
  readonly #tables: Readonly<Record<string, Float32Array>>;
  #writing: Promise<CheckpointRef | undefined> = Promise.resolve(undefined);
  /** What ends the training: no later write can succeed. */
  #end: ExitError | undefined;
  #last: CheckpointRef | undefined;
  #failure: string | undefined;

  constructor(storage: Storage, claim: Claim, config: ModelConfig, options: { readonly keep: number; readonly log: Log; readonly changed: (kept: Kept) => void }) {
    this.#storage = storage;
    this.#claim = claim;
    this.#config = config;
    this.#keep = options.keep;
    this.#log = options.log;
    this.#changed = options.changed;
    // Tables that the configuration gives: saved for readers that expect the reference's whole state dict.
    this.#tables = parameterTables(config);
  }

  /** The newest one written or found. */
  get last(): CheckpointRef | undefined { return this.#last; }

  /** Why the last write that failed did. */
  get failure(): string | undefined { return this.#failure; }

  /** Tells what is there already. */
  async look(): Promise<void> {
    const known = await knownCheckpoints(this.#storage);
    this.#last = known[0]?.ref;
    const best = bestOf(known)?.ref;
    this.#changed({ checkpoints: known.slice(0, 5).map(({ ref }) => ref), ...(best !== undefined && { best }) });
  }

  /** Begins to write; waits only while the one before is not finished, so that at most one snapshot is held. */
  async save(snapshot: () => HostState, manifest: Contents['manifest']): Promise<void> {
    await this.settle();
    const state = snapshot();
    this.#writing = this.#write(state, manifest);
  }

  /** Throws ExitError, as soon as it is known: 75 if a newer attempt has taken over, 64 if the storage refuses us. */
  check(): void {
    if (this.#end !== undefined) throw this.#end;
  }

  /** Waits for the write under way; undefined if it failed, which has been said. */
  async settle(): Promise<CheckpointRef | undefined> {
    const written = await this.#writing;
    this.check();
    return written;
  }

  async #write(state: HostState, manifest: Contents['manifest']): Promise<CheckpointRef | undefined> {
    const started = performance.now();
    try {
      const ref = await writeCheckpoint(this.#storage, this.#claim, { manifest, files: this.#files(state, manifest.step) });
      this.#last = ref;
      this.#log.info(`Checkpoint of step ${ref.step} written: ${(ref.bytes / 1e6).toFixed(1)} MB in ${((performance.now() - started) / 1000).toFixed(1)} s`, { step: ref.step, bytes: ref.bytes });
      await this.#tidy();
      return ref;
    } catch (error) {
      if (error instanceof CheckpointError && error.code === 'Fenced') this.#end = new ExitError('Stopped', 'Fenced', error.message, { cause: error });
      else if (isConfiguration(error)) this.#end = wrongConfiguration(error.code, error.message, error);
      else {
        this.#failure = (error as Error).message;
        this.#log.error(`No checkpoint of step ${manifest.step}. ${this.#failure}. The training goes on; the next checkpoint is tried again`);
      }
      return undefined;
    }
  }

  /** What is too much may stay until the next time: the new checkpoint counts without it. */
  async #tidy(): Promise<void> {
    try {
      await retainCheckpoints(this.#storage, { keep: this.#keep, attempt: this.#claim.attempt });
      await this.look();
    } catch (error) {
      this.#log.warn(`Older checkpoints could not be removed: ${(error as Error).message}. It is tried again after the next one`);
    }
  }

  #files(state: HostState, step: number): Contents['files'] {
    const table = parameterTable(this.#config);
    const trained = table.filter((info) => info.kind === 'trained');
    const entries = (kind: Kind, infos: typeof table, prefix = ''): TensorEntry[] => infos.map(({ name, shape }) =>
      ({ name: prefix + name, dtype: 'F32', shape, bytes: bytesOf(state[kind][name] ?? this.#tables[name] as Float32Array) }));
    return {
      'model.safetensors': entries('model', table),
      'ema.safetensors': entries('ema', table),
      'optimizer.safetensors': [
        ...entries('m', trained, 'm.'), ...entries('v', trained, 'v.'),
        { name: 'step', dtype: 'I64', shape: [], bytes: bytesOf(BigInt64Array.of(BigInt(step))) },
      ],
    };
  }
}
