import { createHash } from 'node:crypto';
import { crc32c, crc32cText } from '../crc32c.ts';

/** A part of what is being written; of all parts but the last `bytes` has the same length. */
export interface Part { readonly at: number; readonly bytes: Uint8Array; readonly last: boolean }

/** What has passed so far. */
export class Digests {
  bytes = 0;
  readonly #sha256 = createHash('sha256');
  #crc32c = 0;
  add(piece: Uint8Array): void {
    this.bytes += piece.byteLength;
    this.#sha256.update(piece);
    this.#crc32c = crc32c(piece, this.#crc32c);
  }
  /** Base64, as Cloud Storage writes it. */
  get crc32c(): string { return crc32cText(this.#crc32c); }
  /** Hexadecimal; can be asked for once. */
  sha256(): string { return this.#sha256.digest('hex'); }
}

/** Cuts data into parts of `size` bytes and digests them. A stream's are copied, so that its maker may use the memory again, and while one
 *  part is with the taker the next is collected: two are in memory at a time. */
export async function* partsOf(data: Uint8Array | AsyncIterable<Uint8Array>, size: number, digests: Digests): AsyncGenerator<Part> {
  if (data instanceof Uint8Array) {
    yield* partsOfBytes(data, size, digests);
    return;
  }
  const buffers = [Buffer.allocUnsafeSlow(size), undefined] as [Buffer, Buffer | undefined];
  const source = data[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  let ended = false;
  let at = 0;
  let turn = 0;

  const collect = async (): Promise<Part> => {
    const buffer = buffers[turn] ??= Buffer.allocUnsafeSlow(size);
    turn = 1 - turn;
    let filled = 0;
    // A full part is the last one only if nothing comes after it.
    while (!ended && !(filled === size && rest.byteLength > 0)) {
      const taken = Math.min(rest.byteLength, size - filled);
      buffer.set(rest.subarray(0, taken), filled);
      filled += taken;
      rest = rest.subarray(taken);
      if (rest.byteLength > 0) continue;
      const next = await source.next();
      if (next.done === true) ended = true;
      else rest = next.value;
    }
    const bytes = buffer.subarray(0, filled);
    digests.add(bytes);
    const part = { at, bytes, last: ended };
    at += filled;
    return part;
  };

  try {
    let pending = collect();
    while (true) {
      const part = await pending;
      if (part.last) {
        yield part;
        return;
      }
      // The final checksum is asked for with the last part, so digesting ahead does no harm.
      pending = collect();
      pending.catch(() => undefined); // its failure is met where it is awaited
      yield part;
    }
  } finally {
    if (!ended) await source.return?.();
  }
}

function* partsOfBytes(data: Uint8Array, size: number, digests: Digests): Generator<Part> {
  digests.add(data);
  for (let at = 0; ; at += size) {
    const last = at + size >= data.byteLength;
    yield { at, bytes: data.subarray(at, at + size), last };
    if (last) return;
  }
}
