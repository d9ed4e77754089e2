/** Answers as a request's accept header wants them: without spec and status, and as Protocol Buffers.
 *  https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
import type { Message } from '../wire/message.ts';
import { listOf, metadata, status, unknown, watchEvent, withMetadata } from '../wire/meta.ts';
import { MAGIC, PROTOBUF } from '../wire/protobuf.ts';
import type { Answer, Piece } from './answer.ts';
import { encode } from './encode.ts';

const TYPE = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } as const;

interface Sent { readonly type?: string; readonly object?: Sent; readonly kind?: string; readonly apiVersion?: string; readonly metadata?: unknown; readonly items?: readonly Sent[] }

/** message: of the resource's objects, as far as the server knows it; without one they have no form as Protocol Buffers, as custom resources. */
export function asAccepted(answer: Answer, accept = '', message?: Message): Answer {
  const reduce = accept.includes('as=PartialObjectMetadata');
  const known = reduce ? metadata : message === undefined ? undefined : withMetadata(message);
  const binary = accept.startsWith(PROTOBUF) && known !== undefined;
  if (!reduce && !binary) return answer;
  return {
    ...answer, ...(binary && { headers: { ...answer.headers, 'content-type': PROTOBUF } }),
    body: each(answer.body, (sent, line) => {
      const given = reduce && answer.status < 400 ? metadataOf(sent) : sent;
      return binary ? (sent.object === undefined ? encoded(given, known) : frame(given, known)) : `${JSON.stringify(given)}${line ? '\n' : ''}`;
    }),
  };
}

async function* each(body: AsyncIterable<Piece>, change: (sent: Sent, line: boolean) => Piece): AsyncGenerator<Piece> {
  for await (const piece of body) yield change(JSON.parse(piece.toString()) as Sent, piece.toString().endsWith('\n'));
}

function metadataOf(sent: Sent): Sent {
  if (sent.object !== undefined) return sent.type === 'ERROR' ? sent : { ...sent, object: metadataOf(sent.object) };
  if (sent.items !== undefined) return {
    ...TYPE, kind: `${TYPE.kind}List`, metadata: sent.metadata,
    // As the API server does: of nothing it makes no list.
    items: sent.items.length === 0 ? null as unknown as [] : sent.items.map(metadataOf),
  };
  return sent.kind === 'Status' ? sent : { ...TYPE, metadata: sent.metadata };
}

function encoded(sent: Sent, message: Message): Buffer {
  const { kind, apiVersion } = sent;
  const form = kind === 'Status' ? status : sent.items === undefined ? message : listOf(message);
  const raw = encode(form, sent as unknown as Record<string, unknown>);
  return Buffer.concat([MAGIC, encode(unknown, { typeMeta: { kind, apiVersion }, raw })]);
}

function frame({ type, object = {} }: Sent, message: Message): Buffer {
  const event = encode(watchEvent, { type, object: { raw: encoded(object, message) } });
  const head = Buffer.alloc(4);
  head.writeUInt32BE(event.length);
  return Buffer.concat([head, event]);
}
