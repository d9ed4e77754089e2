/** What is asked for and how it comes: as Protocol Buffers where it is known which fields are wanted (a third of the work on both sides), otherwise
 *  as JSON. A server that has no such form of a kind, as of custom resources, answers in JSON. */
import { jsonLines } from './json-lines.ts';
import type { Message } from './message.ts';
import { listOf, metadata, withMetadata } from './meta.ts';
import { continueOf, frames, objectOf, PROTOBUF } from './protobuf.ts';

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
const reduced = (type: string, list: boolean): string => `${type};as=PartialObjectMetadata${list ? 'List' : ''};g=meta.k8s.io;v=v1`;

const JSON_TYPE = 'application/json';

const both = (list: boolean): string => `${reduced(PROTOBUF, list)},${reduced(JSON_TYPE, list)}`;

export interface Form {
  /** The accept header. */
  readonly accept: string;
  /** How to read the answer, if it comes as Protocol Buffers. */
  readonly message?: Message;
}

/** For an object or a list: whole, its metadata alone, or that and these fields. */
export function form({ metadataOnly = false, fields }: { readonly metadataOnly?: boolean | undefined; readonly fields?: Message | undefined }, list = false): Form {
  if (!metadataOnly && fields === undefined) return { accept: JSON_TYPE };
  const one = metadataOnly || fields === undefined ? metadata : withMetadata(fields);
  return { accept: metadataOnly ? both(list) : `${PROTOBUF},${JSON_TYPE}`, message: list ? listOf(one) : one };
}

/** An answer as it came. */
export interface Raw {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

const isProtobuf = (contentType: string | undefined): boolean => contentType?.startsWith(PROTOBUF) === true;

/** The object or the list. Throws when it is neither. */
export function parse({ bytes, contentType }: Raw, message: Message = []): unknown {
  if (isProtobuf(contentType)) return objectOf(bytes, message);
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`its answer of ${text.length} characters is no JSON`, { cause: error });
  }
}

/** The events of a watch, those of each chunk together. */
export const parseEvents = (contentType: string | undefined, chunks: AsyncIterable<Uint8Array>, message: Message = []): AsyncGenerator<unknown[]> =>
  (isProtobuf(contentType) ? frames(chunks, message) : jsonLines(chunks));

/** Where the next page of a list begins, without parsing this one. */
export const nextPage = ({ bytes, contentType }: Raw): string | undefined => (isProtobuf(contentType) ? continueOf(bytes) : inJson(bytes.toString('latin1', 0, 4096)));

/** The API server writes a list's metadata before its items. */
const inJson = (text: string): string | undefined =>
  /^\{"kind":"\w+","apiVersion":"[\w./-]+","metadata":\{[^{}]*"continue":"([\w=-]+)"[^{}]*\},"items":/.exec(text)?.[1];
