/** Sends one request until it has an answer: time limits, permission to write, retries, typed errors. */
import { setImmediate } from 'node:timers/promises';
import { SpanKind } from '@opentelemetry/api';
import type { Clock, Random } from '../clock.ts';
import { reasonOf, sleep } from '../clock.ts';
import { ApiError, ConnectionError } from './errors.ts';
import type { Status } from './errors.ts';
import { retryDelay } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import { form, parse } from '../wire/answer.ts';
import type { Form, Raw } from '../wire/answer.ts';
import { inSpan } from '../observe/tracing.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** Asked before every write that is sent, retries included. */
export interface WriteGuard {
  /** Milliseconds for which writes are allowed (Infinity: nobody competes). Throws NotLeaderError when they are not. */
  allowed(): number;
}

/** What is told about every attempt, whether an answer came or not. */
export interface RequestReport {
  readonly method: HttpRequest['method'];
  /** HTTP status, or "<error>" when no answer came. */
  readonly code: string;
  readonly host: string;
  readonly milliseconds: number;
}

export interface SenderOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly userAgent: string;
  readonly guard: WriteGuard | undefined;
  readonly observe: ((report: RequestReport) => void) | undefined;
}

export interface Call {
  /** Completes "Cannot ...". */
  readonly what: string;
  readonly method: HttpRequest['method'];
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Default: the whole object, as JSON. */
  readonly form?: Form;
  /** Milliseconds that one attempt may take. */
  readonly timeout: number;
  readonly retries: RetryPolicy;
  readonly signal?: AbortSignal | undefined;
  /** Sees the answer before it is parsed. What it starts is under way while that takes its time. */
  readonly peek?: ((answer: Raw) => boolean) | undefined;
}

function queryString(query: Readonly<Record<string, string | undefined>> | undefined): string {
  let text = '';
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}

function retryAfterOf(response: HttpResponse): number | undefined {
  const seconds = Number(response.headers['retry-after']);
  return response.headers['retry-after'] === undefined || !Number.isFinite(seconds) ? undefined : Math.max(0, seconds) * 1000;
}

const rawOf = async (response: HttpResponse): Promise<Raw> => ({ bytes: await response.bytes(), contentType: response.headers['content-type'] });

function parseStatus(answer: Raw): Status {
  try {
    const value = parse(answer);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // A proxy's page: the beginning says enough.
  }
  return { message: answer.bytes.toString('utf8', 0, 200).trim() };
}

/** The error that an answer with a status of 400 and more stands for. */
async function refusal(what: string, response: HttpResponse): Promise<ApiError> {
  return new ApiError(what, response.status, parseStatus(await rawOf(response)), retryAfterOf(response));
}

export class Sender {
  readonly options: SenderOptions;

  constructor(options: SenderOptions) {
    this.options = options;
  }

  /** The object that the server answers. Errors: ApiError, ConnectionError, NotLeaderError, the signal's reason. */
  async send(call: Call): Promise<unknown> {
    const { method } = call;
    return inSpan(method, { kind: SpanKind.CLIENT, attributes: { 'http.request.method': method, 'url.path': call.path, 'server.address': this.options.transport.host } }, async () => {
      let renewed = false;
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(call);
        } catch (error) {
          if (call.signal?.aborted === true) throw reasonOf(call.signal);
          if (error instanceof ApiError && error.status === 401 && !renewed) {
            renewed = true;
            await this.options.transport.renewCredentials();
            continue;
          }
          const delay = retryDelay(error, method, attempt, call.retries, this.options.random);
          if (delay === undefined) throw error;
          await sleep(this.options.clock, delay, call.signal);
        }
      }
    });
  }

  async #attempt(call: Call): Promise<unknown> {
    const write = call.method !== 'GET';
    const allowed = write ? this.options.guard?.allowed() ?? Infinity : Infinity;
    // The server, too, must not carry out a write after we may have lost the right to it.
    const query = Number.isFinite(allowed) ? { ...call.query, timeout: `${Math.max(1, Math.floor(allowed / 1000))}s` } : call.query;
    return this.#limited(call, Math.min(call.timeout, allowed), async (signal) => {
      const response = await this.#exchange({ ...call, ...(query === undefined ? {} : { query }) }, signal);
      const answer = await rawOf(response);
      // A request leaves only when this turn of the event loop ends.
      if (call.peek?.(answer) === true) await setImmediate();
      return parse(answer, call.form?.message);
    });
  }

  /** Opens a stream: its chunks come until the signal is aborted. The time limit is for the first answer only. */
  async open(call: Call & { readonly signal: AbortSignal }): Promise<HttpResponse> {
    const controller = new AbortController();
    const cancel = this.options.clock.after(call.timeout, () => { controller.abort(new Error(`no answer within ${call.timeout / 1000} s`)); });
    const signal = AbortSignal.any([call.signal, controller.signal]);
    try {
      return await this.#exchange(call, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) await this.options.transport.renewCredentials();
      throw typed(call, error);
    } finally {
      cancel();
    }
  }

  /** Runs with a signal that is aborted after the time limit or with the caller's; whatever is thrown leaves with a type. */
  async #limited<T>(call: Call, milliseconds: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const cancel = this.options.clock.after(milliseconds, () => { controller.abort(new Error(`no answer within ${milliseconds / 1000} s`)); });
    const follow = (): void => { controller.abort(reasonOf(call.signal as AbortSignal)); };
    if (call.signal?.aborted === true) follow();
    call.signal?.addEventListener('abort', follow, { once: true });
    try {
      return await run(controller.signal);
    } catch (error) {
      throw typed(call, error);
    } finally {
      cancel();
      call.signal?.removeEventListener('abort', follow);
    }
  }

  async #exchange(call: Call, signal: AbortSignal): Promise<HttpResponse> {
    const { transport, clock, observe, userAgent } = this.options;
    const started = clock.monotonic();
    let code = '<error>';
    try {
      const body = call.body === undefined ? undefined : JSON.stringify(call.body);
      const response = await transport.send({
        method: call.method, path: call.path + queryString(call.query), signal,
        headers: { accept: (call.form ?? form({})).accept, 'user-agent': userAgent, ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }) },
        ...(body === undefined ? {} : { body }),
      });
      code = String(response.status);
      if (response.status >= 400) throw await refusal(call.what, response);
      return response;
    } finally {
      observe?.({ method: call.method, code, host: transport.host, milliseconds: clock.monotonic() - started });
    }
  }
}

function typed(call: Call, error: unknown): Error {
  if (call.signal?.aborted === true) return reasonOf(call.signal);
  return error instanceof ApiError || error instanceof ConnectionError ? error : new ConnectionError(call.what, error);
}
