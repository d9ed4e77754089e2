/** A transport to a fake server without a network: with a FakeClock, whole runs depend on nothing but their seed. */
import type { Transport } from '../api/transport.ts';
import type { FakeApiServer } from './server.ts';
import { abortable } from './stream.ts';

export function inProcess(server: FakeApiServer, options: { host?: string; token?: () => string } = {}): Transport {
  return {
    host: options.host ?? 'fake',
    async send({ method, path, headers, body = '', signal }) {
      signal.throwIfAborted();
      const authorization = options.token === undefined ? {} : { authorization: `Bearer ${options.token()}` };
      const answer = await race(server.handle({ method, path, headers: { ...headers, ...authorization }, body }), signal);
      signal.addEventListener('abort', () => { answer.close?.(); }, { once: true });
      return {
        status: answer.status,
        headers: answer.headers,
        async bytes() {
          const pieces: Buffer[] = [];
          for await (const piece of abortable(answer.body, signal)) pieces.push(Buffer.from(piece as string));
          return Buffer.concat(pieces);
        },
        async* chunks() {
          for await (const piece of abortable(answer.body, signal)) yield Buffer.from(piece as string);
        },
      };
    },
    renewCredentials: async () => undefined,
    close: async () => undefined,
  };
}

function race<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => { reject(signal.reason instanceof Error ? signal.reason : new Error('Aborted')); };
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort); });
  });
}
