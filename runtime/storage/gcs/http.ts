import { request as plain, Agent as PlainAgent, type IncomingMessage } from 'node:http';
import { request as secure, Agent as SecureAgent } from 'node:https';
import { Passing } from './patience.ts';

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[];
}

/** Connections to one server, kept open between requests. */
export class Connections {
  readonly #agent: PlainAgent | SecureAgent;
  readonly #silence: number;

  /** silence: milliseconds after which a connection on which nothing moves is given up. */
  constructor(origin: URL, silence: number) {
    this.#silence = silence;
    // proxyEnv: HTTPS_PROXY and NO_PROXY count here too.
    const options = { keepAlive: true, maxSockets: 64, timeout: silence, proxyEnv: process.env };
    this.#agent = origin.protocol === 'https:' ? new SecureAgent(options) : new PlainAgent(options);
  }

  /** Sends a request and resolves with the head of the answer, whatever its status. Throws Passing if there is none. */
  send(url: URL, { method, headers = {}, body = [] }: Request): Promise<IncomingMessage> {
    const bytes = body.reduce((sum, piece) => sum + piece.byteLength, 0);
    return new Promise((resolve, reject) => {
      let connected = false;
      const request = (url.protocol === 'https:' ? secure : plain)(url, {
        method, agent: this.#agent, timeout: this.#silence,
        headers: { 'user-agent': 'srdit', ...headers, ...((bytes > 0 || method !== 'GET') && { 'content-length': String(bytes) }) },
      });
      request.once('socket', (socket) => {
        const mark = (): void => { connected = true; };
        if (socket.connecting) socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', mark);
        else mark();
      });
      request.on('timeout', () => { request.destroy(new Error(`nothing moved on the connection for ${this.#silence / 1000} s`)); });
      request.on('error', (cause) => { reject(failure(cause, connected)); });
      request.once('response', resolve);
      for (const piece of body) request.write(piece);
      request.end();
    });
  }
}

/** A certificate that is not trusted will not be trusted later. */
const isCertificate = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code);

function failure(cause: Error, reached: boolean): Error {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  // With several addresses the reason lies one deeper.
  const message = cause.message === '' ? code : cause.message;
  return isCertificate(code) ? cause : new Passing(message, { reached, cause });
}

/** The body of an answer, piece by piece. Throws Passing if it breaks off. */
export async function* bodyOf(answer: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of answer) yield piece as Buffer;
  } catch (cause) {
    throw new Passing(`the answer broke off: ${(cause as Error).message}`, { cause });
  } finally {
    if (!answer.complete) answer.destroy();
  }
  if (!answer.complete) throw new Passing('the answer broke off');
}

/** A small body: at most limit bytes, the rest is thrown away. */
export async function textOf(answer: IncomingMessage, limit = 1 << 26): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of bodyOf(answer)) {
    pieces.push(piece);
    bytes += piece.byteLength;
    if (bytes > limit) break;
  }
  return Buffer.concat(pieces).subarray(0, limit).toString();
}
