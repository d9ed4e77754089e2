/** Objects of Kubernetes as Protocol Buffers: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding */
import { decode } from './message.ts';
import type { Message } from './message.ts';
import { listMetadata, status, unknown, watchEvent } from './meta.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** "k8s" and a zero byte come first. */
export const MAGIC = Uint8Array.of(0x6b, 0x38, 0x73, 0);

interface Envelope {
  readonly typeMeta?: { readonly apiVersion?: string; readonly kind?: string };
  readonly raw?: Uint8Array;
}

function opened(bytes: Uint8Array): Envelope {
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) throw new Error(`an object of ${bytes.length} bytes is not in Kubernetes' Protocol Buffers`);
  return decode(unknown, bytes.subarray(MAGIC.length));
}

const EMPTY = new Uint8Array(0);

/** An object or a list. A Status is whole: it says why there is nothing else. */
export function objectOf(bytes: Uint8Array, message: Message): Record<string, unknown> {
  const { typeMeta: { kind, apiVersion } = {}, raw = EMPTY } = opened(bytes);
  return kind === 'Status' && apiVersion === 'v1' ? { kind, apiVersion, ...decode(status, raw) } : decode(message, raw);
}

/** metadata.continue of a list; its items are skipped. */
export function continueOf(bytes: Uint8Array): string | undefined {
  const { metadata } = decode(listMetadata, opened(bytes).raw ?? EMPTY) as { metadata?: { continue?: string } };
  return metadata?.continue;
}

/** Bytes of a watch's event beyond which nobody believes in its length: the API server stores objects of a few MiB at most. */
const LARGEST = 64 << 20;
const HEAD = 4;

/** The events of a watch, each after its length in four bytes: those of each chunk together, as jsonLines does. */
export async function* frames(chunks: AsyncIterable<Uint8Array>, message: Message): AsyncGenerator<{ type: unknown; object: unknown }[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([rest, chunk]);
    const events: { type: unknown; object: unknown }[] = [];
    let start = 0;
    while (bytes.length - start >= HEAD) {
      const length = bytes.readUInt32BE(start);
      if (length > LARGEST) throw new Error(`an event of the stream says that it has ${length} bytes`);
      const end = start + HEAD + length;
      if (end > bytes.length) break;
      const { type, object } = decode(watchEvent, bytes.subarray(start + HEAD, end)) as { type?: string; object?: { raw?: Uint8Array } };
      events.push({ type, object: objectOf(object?.raw ?? EMPTY, message) });
      start = end;
    }
    rest = bytes.subarray(start);
    if (events.length > 0) yield events;
  }
  if (rest.length > 0) throw new Error(`the stream ended within an event after ${rest.length} bytes`);
}
