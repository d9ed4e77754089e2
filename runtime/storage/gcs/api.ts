import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { Credentials } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { Connections, textOf, type Request } from './http.ts';
import { Passing, Tries, type Clock, type Patience } from './patience.ts';

/** The server said no, and would say it again. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  /** Total bytes of the object, if the answer was 416 and told them. */
  readonly total: number | undefined;
  /** The object was there when the operation began. */
  readonly vanished: boolean;
  constructor(status: number, message: string, total?: number, vanished = false) {
    super(message);
    this.status = status;
    this.total = total;
    this.vanished = vanished;
  }
}

const Failure = z.object({ error: z.object({ message: z.string(), errors: z.array(z.object({ reason: z.string().optional() })).optional() }) });

export interface Call extends Request {
  /** Statuses that are answers, not failures. */
  readonly ok: readonly number[];
}

/** Requests to the JSON API of Cloud Storage: with credentials, tried again while what fails may pass. Google's own client is not used for
 *  them: its limit of time counts from the first request of an upload, so that a long one gives up at the first hiccup, it shares one
 *  mutable switch between all requests that run, and it compares checksums when the object can be seen already. */
export class Api {
  readonly bucket: string;
  readonly origin: URL;
  readonly patience: Patience;
  readonly clock: Clock;
  /** Of an upload; two are held in memory. */
  readonly partBytes: number;
  readonly #credentials: Credentials | undefined;
  readonly #connections: Connections;

  constructor(bucket: string, endpoint: Endpoint, { patience, clock, partBytes }: { patience: Patience; clock: Clock; partBytes: number }) {
    this.bucket = bucket;
    this.origin = endpoint.origin;
    this.patience = patience;
    this.clock = clock;
    this.partBytes = partBytes;
    this.#credentials = endpoint.anonymous ? undefined : new Credentials(clock);
    this.#connections = new Connections(endpoint.origin, patience.silence);
  }

  tries(): Tries { return new Tries(this.patience, this.clock); }

  /** storage/v1/b/BUCKET/o[/NAME]; upload: the same below /upload. Names are encoded, so that "/" in them is no separator. */
  url(name: string | undefined, query: Readonly<Record<string, string | undefined>> = {}, upload = false): URL {
    const url = new URL(`${upload ? '/upload' : ''}/storage/v1/b/${encodeURIComponent(this.bucket)}/o${name === undefined ? '' : `/${encodeURIComponent(name)}`}`, this.origin);
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
    return url;
  }

  /** One try. The body of the answer is the caller's to read. Throws Passing, Refused, NoCredentials. */
  async once(url: URL, call: Call): Promise<IncomingMessage> {
    for (let renewed = this.#credentials === undefined; ; renewed = true) {
      const headers = { ...call.headers, ...await this.#credentials?.headers(url) };
      const answer = await this.#connections.send(url, { ...call, headers });
      const status = answer.statusCode ?? 0;
      if (call.ok.includes(status)) return answer;
      const said = await textOf(answer, 1 << 16);
      // A token that was good when it was made may have been revoked.
      if (status === 401 && !renewed) {
        this.#credentials?.forget();
        continue;
      }
      throw refusal(answer, said);
    }
  }

  /** Tries until there is an answer; its whole body is read. */
  async text(url: URL, call: Call, tries: Tries = this.tries()): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
    return this.#until(tries, async () => {
      const answer = await this.once(url, call);
      return { status: answer.statusCode ?? 0, headers: answer.headers, text: await textOf(answer) };
    });
  }

  /** The same for an answer in JSON. One of another form, from a proxy say, is tried again like a broken one. */
  async json<T>(schema: z.ZodType<T>, url: URL, call: Call, tries: Tries = this.tries()): Promise<T> {
    return this.#until(tries, async () => parseAnswer(schema, await textOf(await this.once(url, call))));
  }

  /** Removes an object. Its answer is empty; a page of something in between is no answer. */
  async remove(name: string): Promise<'removed' | 'absent'> {
    return this.#until(this.tries(), async () => {
      const answer = await this.once(this.url(name), { method: 'DELETE', ok: [200, 204, 404] });
      const text = await textOf(answer);
      if (answer.statusCode === 404) return 'absent';
      if (text !== '') throw notCloudStorage(text);
      return 'removed';
    });
  }

  async #until<T>(tries: Tries, action: () => Promise<T>): Promise<T> {
    while (true) {
      try {
        return await action();
      } catch (error) {
        await tries.again(error);
      }
    }
  }
}

const PASSING_REASONS = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'backendError']);

function refusal(answer: IncomingMessage, said: string): Error {
  const status = answer.statusCode ?? 0;
  const json = Failure.safeParse(parse(said)).data?.error;
  const message = `${status} ${JSON.stringify((json?.message ?? said).trim().slice(0, 300))}`;
  const limited = status === 403 && json?.errors?.some(({ reason }) => PASSING_REASONS.has(reason ?? '')) === true;
  if (limited || status === 408 || status === 429 || status >= 500) {
    const seconds = Number(answer.headers['retry-after']);
    return new Passing(`the server answered ${message}`, { retryAfter: Number.isFinite(seconds) ? seconds * 1000 : undefined });
  }
  const total = /^bytes \*\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1];
  return new Refused(status, message, total === undefined ? undefined : Number(total));
}

/** Throws Passing. */
export function parseAnswer<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(parse(text));
  if (!parsed.success) throw notCloudStorage(text);
  return parsed.data;
}

const notCloudStorage = (text: string): Passing => new Passing(`the server answered something else than Cloud Storage does: ${JSON.stringify(text.slice(0, 100))}`);

function parse(text: string): unknown {
  try { return JSON.parse(text); } catch { return undefined; }
}
