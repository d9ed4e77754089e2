/** One attempt of a training, for the crash tests: URI ATTEMPT [POINT]. It claims, finds the newest checkpoint, writes the next and retains.
 *  At point POINT of the writing (an operation of the storage begins or ends, a tensor goes into a stream) it ends itself as kill -9 does.
 *  Prints one line when the writing begins, and at its end how many points there were. */
import { openStorage } from '../storage/open.ts';
import type { Storage } from '../storage/storage.ts';
import { claimAttempt } from './claim.ts';
import { readNewest } from './read.ts';
import { retainCheckpoints } from './retain.ts';
import { contents, CRASH_MODEL, identity } from './testing.ts';
import { writeCheckpoint } from './write.ts';

const [uri = '', attempt = '', point = '-1'] = process.argv.slice(2);
let points = 0;
function pass(): void {
  if (points++ === Number(point)) process.kill(process.pid, 'SIGKILL');
}

/** A storage that passes a point at every beginning and end. */
class Counting implements Storage {
  readonly uri: string;
  readonly #inner: Storage;
  constructor(inner: Storage) {
    this.#inner = inner;
    this.uri = inner.uri;
  }
  at(path: string): Storage { return new Counting(this.#inner.at(path)); }
  read(...given: Parameters<Storage['read']>): Promise<Uint8Array> { return between(() => this.#inner.read(...given)); }
  readStream(path: string): AsyncIterable<Uint8Array> { return this.#inner.readStream(path); }
  size(path: string): Promise<number> { return between(() => this.#inner.size(path)); }
  write(path: string, data: Uint8Array | AsyncIterable<Uint8Array>): ReturnType<Storage['write']> {
    return between(() => this.#inner.write(path, data instanceof Uint8Array ? data : counted(data)));
  }
  createIfAbsent(...given: Parameters<Storage['createIfAbsent']>): Promise<boolean> { return between(() => this.#inner.createIfAbsent(...given)); }
  exists(path: string): Promise<boolean> { return between(() => this.#inner.exists(path)); }
  list(prefix: string): ReturnType<Storage['list']> { return between(() => this.#inner.list(prefix)); }
  remove(path: string): Promise<void> { return between(() => this.#inner.remove(path)); }
}
async function between<T>(action: () => Promise<T>): Promise<T> {
  pass();
  const result = await action();
  pass();
  return result;
}
async function* counted(data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of data) {
    pass();
    yield piece;
  }
}

const storage = openStorage(uri, process.env, { partBytes: 1 << 18 });
const claim = await claimAttempt(storage, identity(Number(attempt)));
const newest = await readNewest(storage, (error) => { throw error; });
const next = contents((newest?.known.step ?? 0) + 1, undefined, CRASH_MODEL);
process.stdout.write('writing\n');
const counting = new Counting(storage);
const ref = await writeCheckpoint(counting, claim, next);
await retainCheckpoints(counting, { keep: 2, attempt: claim.attempt });
process.stdout.write(`${JSON.stringify({ points, step: ref.step })}\n`);
