/** One exchange over undici's dispatcher. undici's own request() makes a stream of every answer, which costs as much CPU time again
 *  as all the rest: here an answer is collected, or handed on as it comes. */
import type { Dispatcher } from 'undici';
import { reasonOf } from '../clock.ts';
import type { HttpResponse } from './transport.ts';

/** Bytes that wait for a reader before the server has to. */
const WAITING = 256 << 10;

/** Rejects when no answer came, and with the signal's reason. */
export function exchange(dispatcher: Dispatcher, options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<HttpResponse> {
  if (signal.aborted) return Promise.reject(reasonOf(signal));
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(options, new Exchange(signal, resolve, reject));
  });
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #signal: AbortSignal;
  readonly #answered: (response: HttpResponse) => void;
  readonly #failed: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #chunks: Buffer[] = [];
  #waiting = 0;
  #limit = WAITING;
  #over: { readonly error?: Error } | undefined;
  /** Whoever waits for more. */
  #more = (): void => undefined;

  constructor(signal: AbortSignal, answered: (response: HttpResponse) => void, failed: (error: Error) => void) {
    this.#signal = signal;
    this.#answered = answered;
    this.#failed = failed;
    signal.addEventListener('abort', this.#abort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Aborted while it waited for a connection.
    if (this.#over?.error !== undefined) controller.abort(this.#over.error);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    this.#answered({ status, headers: headers as Record<string, string | undefined>, bytes: () => this.#bytes(), chunks: () => this.#stream() });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    if (this.#waiting > this.#limit) controller.pause();
    this.#more();
  }

  onResponseEnd(): void { this.#end({}); }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void { this.#end({ error }); }

  readonly #abort = (): void => {
    const error = reasonOf(this.#signal);
    this.#end({ error });
    this.#controller?.abort(error);
  };

  #end(how: { readonly error?: Error }): void {
    if (this.#over !== undefined) return;
    this.#over = how;
    this.#signal.removeEventListener('abort', this.#abort);
    // Without effect when there was an answer: then its reader hears of it.
    if (how.error !== undefined) this.#failed(how.error);
    this.#more();
  }

  /** Resolves when there is more to see. */
  #next(): Promise<void> {
    return new Promise((resolve) => { this.#more = resolve; });
  }

  async #bytes(): Promise<Buffer> {
    this.#limit = Infinity;
    this.#controller?.resume();
    while (this.#over === undefined) await this.#next();
    if (this.#over.error !== undefined) throw this.#over.error;
    const [first, ...rest] = this.#chunks;
    return first !== undefined && rest.length === 0 ? first : Buffer.concat(this.#chunks);
  }

  async* #stream(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunks = this.#chunks;
        this.#chunks = [];
        this.#waiting = 0;
        this.#controller?.resume();
        yield* chunks;
        if (this.#chunks.length > 0) continue;
        if (this.#over?.error !== undefined) throw this.#over.error;
        if (this.#over !== undefined) return;
        await this.#next();
      }
    } finally {
      if (this.#over === undefined) this.#controller?.abort(new Error('The answer is no longer read'));
    }
  }
}
