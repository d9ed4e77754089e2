/** A watch: the changes of a collection, in order, from a resourceVersion on. */
import type { Clock } from '../clock.ts';
import { reasonOf } from '../clock.ts';
import { ApiError, ConnectionError } from './errors.ts';
import type { Status } from './errors.ts';
import type { HttpResponse } from './transport.ts';
import { parseEvents } from '../wire/answer.ts';
import type { Message } from '../wire/message.ts';
import type { KubeObject } from './objects.ts';

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** Only metadata.resourceVersion counts: all changes up to it have been sent. */
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

interface Line {
  readonly type?: unknown;
  readonly object?: unknown;
}

/** The events of each chunk together. Ends when the server ends it; throws ApiError for an ERROR event (410: isExpired),
 *  ConnectionError when the stream breaks, or when nothing at all came for `inactivity` milliseconds: a half-open connection says nothing, for ever. */
export async function* readWatch<T extends KubeObject>(what: string, open: (signal: AbortSignal) => Promise<HttpResponse>,
  { clock, inactivity, signal, message, identify }: { clock: Clock; inactivity: number; signal?: AbortSignal | undefined; message?: Message | undefined; identify?: (object: KubeObject) => void }): AsyncGenerator<WatchEvent<T>[]> {
  const controller = new AbortController();
  const follow = (): void => { controller.abort(reasonOf(signal as AbortSignal)); };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', follow, { once: true });
  let last = clock.monotonic();
  let cancel = (): void => undefined;
  // One timer that looks when the last bytes came, not a new one for each of them.
  const guard = (wait: number): void => {
    cancel = clock.after(wait, () => {
      const silent = clock.monotonic() - last;
      if (silent >= inactivity) controller.abort(new Error(`nothing came for ${inactivity / 1000} s`));
      else guard(inactivity - silent);
    });
  };
  try {
    const response = await open(controller.signal);
    guard(inactivity);
    for await (const lines of parseEvents(response.headers['content-type'], response.chunks(), message)) {
      last = clock.monotonic();
      const events = lines.map((line) => eventOf<T>(what, line as Line));
      if (identify !== undefined) for (const { object } of events) identify(object);
      yield events;
    }
    if (controller.signal.aborted) throw reasonOf(controller.signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ApiError || error instanceof ConnectionError ? error : new ConnectionError(what, controller.signal.aborted ? controller.signal.reason : error);
  } finally {
    cancel();
    signal?.removeEventListener('abort', follow);
    controller.abort(new Error('The watch is no longer read'));
  }
}

function eventOf<T extends KubeObject>(what: string, line: Line): WatchEvent<T> {
  if (line.type === 'ERROR') {
    const status = (line.object ?? {}) as Status;
    throw new ApiError(what, status.code ?? 500, status);
  }
  if ((line.type === 'ADDED' || line.type === 'MODIFIED' || line.type === 'DELETED' || line.type === 'BOOKMARK') && typeof line.object === 'object' && line.object !== null) {
    return { type: line.type, object: line.object as T };
  }
  throw new Error(`the stream holds what is no watch event: its type is ${JSON.stringify(line.type)}`);
}
