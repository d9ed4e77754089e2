/** Answers without spec and status, for who asks for that: https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
import type { Answer } from './answer.ts';

const TYPE = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } as const;

interface Sent { readonly type?: string; readonly object?: Sent; readonly kind?: string; readonly metadata?: unknown; readonly items?: readonly Sent[] }

/** The answer as the request's accept header wants it. */
export function asAccepted(answer: Answer, accept: string | undefined): Answer {
  if (answer.status >= 400 || accept?.includes('as=PartialObjectMetadata') !== true) return answer;
  return { ...answer, body: reduced(answer.body) };
}

async function* reduced(body: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const text of body) yield `${JSON.stringify(metadataOf(JSON.parse(text) as Sent))}${text.endsWith('\n') ? '\n' : ''}`;
}

function metadataOf(sent: Sent): unknown {
  if (sent.object !== undefined) return sent.type === 'ERROR' ? sent : { type: sent.type, object: metadataOf(sent.object) };
  if (sent.items !== undefined) return {
    ...TYPE, kind: `${TYPE.kind}List`, metadata: sent.metadata,
    // As the API server does: of nothing it makes no list.
    items: sent.items.length === 0 ? null : sent.items.map(metadataOf),
  };
  return sent.kind === 'Status' ? sent : { ...TYPE, metadata: sent.metadata };
}
