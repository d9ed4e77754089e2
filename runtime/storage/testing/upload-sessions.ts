import type { Seen } from './fault-proxy.ts';
import { forward, type Answer } from './forward.ts';

/** What has come of one upload, and the last answer once it is complete. */
interface Progress { bytes: number; done?: Answer; turn: Promise<unknown> }

/** Resumable uploads as Cloud Storage documents them, on top of an emulator that only appends. */
export class UploadSessions {
  readonly #target: URL;
  readonly #uploads = new Map<string, Progress>();

  constructor(target: URL) { this.#target = target; }

  /** Answers a PUT to an upload; undefined for every other request. keep: the store takes only so many bytes of the part. */
  async answer(seen: Seen, body: Buffer, keep?: number): Promise<Answer | undefined> {
    const id = seen.query.get('upload_id');
    if (seen.method !== 'PUT' || id === null) return undefined;
    const progress = this.#uploads.get(id) ?? { bytes: 0, turn: Promise.resolve() };
    this.#uploads.set(id, progress);
    // One after the other: a part whose sender has given up may still be on its way.
    const mine = progress.turn.then(() => this.#put(seen, body, progress, keep));
    progress.turn = mine.catch(() => undefined);
    return mine;
  }

  async #put(seen: Seen, body: Buffer, progress: Progress, keep?: number): Promise<Answer> {
    if (progress.done !== undefined) return progress.done;
    const range = /^bytes (?:\*|(\d+)-(\d+))\/(\*|\d+)$/.exec(seen.headers['content-range'] ?? '');
    if (range === null) return plain(400);
    const total = range[3] === '*' ? undefined : Number(range[3]);
    if (range[1] === undefined && !(total !== undefined && progress.bytes === total)) return this.#incomplete(progress);
    const from = Number(range[1] ?? progress.bytes);
    if (from > progress.bytes) return plain(503); // a gap: Cloud Storage refuses it too
    const fresh = body.subarray(progress.bytes - from, keep);
    const until = progress.bytes + fresh.length;
    const complete = until === total;
    const url = new URL(`${seen.path}?${seen.query.toString()}`, this.#target);
    const answer = await forward(url, 'PUT', { ...seen.headers, 'content-range': fresh.length === 0 ? `bytes */${total ?? '*'}` : `bytes ${progress.bytes}-${until - 1}/${complete ? total : '*'}` }, fresh);
    progress.bytes = until;
    if (!complete) return this.#incomplete(progress);
    progress.done = answer;
    return answer;
  }

  #incomplete(progress: Progress): Answer {
    return { ...plain(308), headers: { 'content-length': '0', ...(progress.bytes > 0 && { range: `bytes=0-${progress.bytes - 1}` }) } };
  }
}

const plain = (status: number): Answer => ({ status, headers: { 'content-length': '0' }, body: Buffer.alloc(0) });
