import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { forward } from './forward.ts';
import { UploadSessions } from './upload-sessions.ts';

/** What goes wrong with one request. `done`: it takes effect, but its answer is lost. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>>; readonly done?: true }
  | { readonly kind: 'reset'; readonly done?: true }
  | { readonly kind: 'silent' }
  /** The store takes `bytes` of an upload's part, then the connection breaks. */
  | { readonly kind: 'partial'; readonly bytes: number }
  /** A byte of what is uploaded changes on its way. */
  | { readonly kind: 'corrupt' }
  /** The answer breaks off after so many bytes of its body: by a reset, or by an end that looks orderly. */
  | { readonly kind: 'cut'; readonly bytes: number; readonly by: 'reset' | 'end' }
  /** The body comes so many bytes at a time. */
  | { readonly kind: 'slow'; readonly bytes: number; readonly milliseconds: number };

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Counts requests from 0. */
  readonly index: number;
}

/** A server in front of the emulator that lets go wrong what the test says, and that speaks the part of the protocol which the emulator
 *  lacks: fake-gcs-server takes the question "how far have you come" for the end of an upload, and adds a part that comes twice twice. */
export class FaultProxy implements AsyncDisposable {
  /** Asked for every request. */
  fault: (seen: Seen) => Fault | undefined = () => undefined;
  readonly seen: Seen[] = [];
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #sessions: UploadSessions;
  readonly #host: string;
  #server = this.#create();
  #port = 0;

  private constructor(target: string, host: string) {
    this.#target = new URL(target);
    this.#host = host;
    this.#sessions = new UploadSessions(this.#target);
  }

  /** host: address of this machine at which it listens. */
  static async start(target: string, host = '127.0.0.1'): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, host);
    await proxy.up();
    return proxy;
  }

  get url(): string { return `http://${this.#host}:${this.#port}`; }

  /** Nobody listens any more, and every connection breaks. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => { this.#server.close(resolve); });
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  async up(): Promise<void> {
    this.#server = this.#create();
    await new Promise<void>((resolve) => { this.#server.listen(this.#port, this.#host, resolve); });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.down(); }

  #create(): ReturnType<typeof createServer> {
    return createServer((request, response) => { void this.#serve(request, response).catch(() => { request.socket.resetAndDestroy(); }); })
      .on('connection', (socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        socket.on('error', () => undefined);
      });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#target);
    const seen: Seen = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, index: this.seen.length };
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault?.kind === 'silent') return;
    const lost = (fault?.kind === 'status' || fault?.kind === 'reset') && fault.done !== true;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    let body = Buffer.concat(pieces);
    if (fault?.kind === 'corrupt') body = Buffer.from(body.map((byte, at) => at === body.length >> 1 ? byte ^ 1 : byte));
    const answer = lost ? undefined : await this.#sessions.answer(seen, body, fault?.kind === 'partial' ? fault.bytes : undefined) ?? await forward(url, request.method ?? '', request.headers, body);
    if (fault?.kind === 'reset' || fault?.kind === 'partial') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    if (answer === undefined) return;
    response.writeHead(answer.status, answer.headers);
    if (fault?.kind === 'cut') {
      response.write(answer.body.subarray(0, fault.bytes));
      await sleep(20); // so that what was written leaves before the connection ends
      if (fault.by === 'reset') request.socket.resetAndDestroy();
      else request.socket.end();
      return;
    }
    if (fault?.kind === 'slow') {
      for (let at = 0; at < answer.body.length; at += fault.bytes) {
        response.write(answer.body.subarray(at, at + fault.bytes));
        await sleep(fault.milliseconds);
      }
      response.end();
      return;
    }
    response.end(answer.body);
  }
}
