/** The answer to a watch: history first, then what happens, bookmarks in between. */
import type { Clock } from '../clock.ts';
import type { AnyObject, KubeObject } from '../api/objects.ts';
import { apiVersionOf, nameOf } from '../api/resource.ts';
import type { ResourceName } from '../api/resource.ts';
import type { Answer } from './answer.ts';
import { Refused } from './answer.ts';
import type { Change, Database } from './database.ts';
import { Stream } from './stream.ts';

export interface WatchRequest {
  readonly resource: ResourceName;
  readonly matches: (object: KubeObject) => boolean;
  /** undefined or '0': begin with what is there. */
  readonly resourceVersion: string | undefined;
  readonly bookmarks: boolean;
  readonly timeoutSeconds: number;
  readonly ended: () => void;
}

/** Milliseconds between bookmarks; the real server's is a minute. */
const BOOKMARK_EVERY = 60_000;

export function watchAnswer(database: Database, clock: Clock, request: WatchRequest): Answer {
  const { resource, matches } = request;
  const stop: (() => void)[] = [];
  const body = new Stream<string>(() => { for (const end of [...stop, request.ended]) end(); });
  const answer = { status: 200, headers: { 'content-type': 'application/json' }, body, close: () => { body.end(); } };
  const send = (type: string, object: unknown): void => { body.push(`${JSON.stringify({ type, object })}\n`); };

  const tell = (change: Change): void => {
    if (change.resource !== nameOf(resource)) return;
    const { previous } = change;
    const before = previous !== undefined && matches(previous);
    const after = change.type !== 'DELETED' && matches(change.object);
    // To a watch with a selector, an object that stops matching is deleted: the last state that matched, with the version of the change.
    if (after) send(before ? 'MODIFIED' : 'ADDED', change.object);
    else if (before) send('DELETED', withVersion(previous, change.version));
  };
  const bookmark = (): void => {
    send('BOOKMARK', { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata: { resourceVersion: String(database.version), creationTimestamp: null } });
    stop[0] = clock.after(BOOKMARK_EVERY, bookmark);
  };

  if (request.resourceVersion === undefined || request.resourceVersion === '0') {
    for (const object of database.list(resource)) if (matches(object)) send('ADDED', object);
  } else {
    const past = database.since(Number(request.resourceVersion));
    if (past === undefined) {
      send('ERROR', new Refused(410, 'Expired', `too old resource version: ${request.resourceVersion} (${database.version})`).body);
      body.end();
      return answer;
    }
    for (const change of past) tell(change);
  }
  stop.push(
    request.bookmarks ? clock.after(BOOKMARK_EVERY, bookmark) : () => undefined,
    clock.after(request.timeoutSeconds * 1000, () => { body.end(); }),
    database.subscribe(tell),
  );
  return answer;
}

const withVersion = (object: AnyObject, version: number): AnyObject => ({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } });
