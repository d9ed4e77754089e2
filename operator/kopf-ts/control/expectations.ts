/** Waits until a store shows what we have written, so that nobody plans on a picture from before.
 *  Versions cannot be compared, only recognised: so what the store shows is recorded from before the write until its answer is known. */
import type { Clock } from '../clock.ts';
import type { KubeObject } from '../api/objects.ts';
import type { StoreChange, StoreView } from '../cache/store.ts';
import { keyOf } from '../api/objects.ts';

/** Longer than this a watch does not lag; then something we do not know has happened (an object that no longer matches a selector). */
const LONGEST = 5000;

/** What a store showed of one object while writes of it were on their way. */
interface Recording {
  writes: number;
  readonly versions: Set<string>;
  readonly deleted: Set<string>;
  readonly checks: Set<() => void>;
}

export class Expectations {
  readonly #clock: Clock;
  readonly #stores = new Map<StoreView, Map<string, Recording>>();
  readonly #pending = new Map<string, number>();
  readonly #met: (key: string) => void;

  /** `met` is called when a key has nothing to wait for any more. */
  constructor(clock: Clock, met: (key: string) => void) {
    this.#clock = clock;
    this.#met = met;
  }

  /** Whether writes for this key are not yet seen. */
  pending(key: string): boolean {
    return this.#pending.has(key);
  }

  /** Everything that is remembered: for tests of memory. */
  get remembered(): number {
    return [...this.#stores.values()].reduce((sum, recordings) => sum + recordings.size, this.#pending.size);
  }

  /** Sends a write of the object under `objectKey` for `key`. Its answer is expected in the store when `expects` says so. */
  async write<T extends KubeObject>(key: string, store: StoreView, objectKey: string, send: () => Promise<T>, expects: (answer: T) => boolean): Promise<T> {
    const recording = this.#record(store, objectKey);
    try {
      const answer = await send();
      const { resourceVersion = '', uid = '' } = answer.metadata;
      if (expects(answer)) {
        this.#expect(key, recording, () => recording.versions.has(resourceVersion) || recording.deleted.has(uid), () => { this.#release(store, objectKey); });
        return answer;
      }
      this.#release(store, objectKey);
      return answer;
    } catch (error) {
      this.#release(store, objectKey);
      throw error;
    }
  }

  /** The object with this uid is deleted (or about to be): expected to be gone, or to say so. */
  expectDeletion(key: string, store: StoreView, objectKey: string, uid: string): void {
    const recording = this.#record(store, objectKey);
    const gone = (): boolean => {
      const now = store.get(objectKey);
      return now === undefined || now.metadata.uid !== uid || now.metadata.deletionTimestamp !== undefined;
    };
    this.#expect(key, recording, gone, () => { this.#release(store, objectKey); });
  }

  #expect(key: string, recording: Recording, holds: () => boolean, release: () => void): void {
    if (holds()) {
      release();
      return;
    }
    this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1);
    const finish = (): void => {
      cancel();
      recording.checks.delete(check);
      release();
      const left = (this.#pending.get(key) ?? 1) - 1;
      if (left > 0) this.#pending.set(key, left);
      else {
        this.#pending.delete(key);
        this.#met(key);
      }
    };
    const check = (): void => { if (holds()) finish(); };
    const cancel = this.#clock.after(LONGEST, finish);
    recording.checks.add(check);
  }

  #record(store: StoreView, objectKey: string): Recording {
    let recordings = this.#stores.get(store);
    if (recordings === undefined) {
      recordings = new Map();
      this.#stores.set(store, recordings);
      const all = recordings;
      store.subscribe((change) => { see(all, change); });
    }
    let recording = recordings.get(objectKey);
    if (recording === undefined) {
      const version = store.get(objectKey)?.metadata.resourceVersion;
      recording = { writes: 0, versions: new Set(version === undefined ? [] : [version]), deleted: new Set(), checks: new Set() };
      recordings.set(objectKey, recording);
    }
    recording.writes += 1;
    return recording;
  }

  #release(store: StoreView, objectKey: string): void {
    const recordings = this.#stores.get(store);
    const recording = recordings?.get(objectKey);
    if (recording === undefined) return;
    recording.writes -= 1;
    if (recording.writes === 0) recordings?.delete(objectKey);
  }
}

function see(recordings: ReadonlyMap<string, Recording>, change: StoreChange<KubeObject>): void {
  const recording = recordings.get(keyOf(change.object));
  if (recording === undefined) return;
  const { uid = '', resourceVersion = '' } = change.object.metadata;
  if (change.type === 'deleted') recording.deleted.add(uid);
  else recording.versions.add(resourceVersion);
  for (const check of [...recording.checks]) check();
}
