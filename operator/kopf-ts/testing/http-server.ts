/** A fake server on a port of the loopback interface. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer } from './answer.ts';
import type { FakeApiServer } from './server.ts';

export interface Listening extends AsyncDisposable {
  /** http://127.0.0.1:PORT */
  readonly url: string;
}

/** Serves until it is disposed of; then all connections end. */
export async function listen(server: FakeApiServer): Promise<Listening> {
  const http = createServer((request, response) => { void respond(server, request, response); });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => { http.close(resolve); });
      http.closeAllConnections();
      await closed;
    },
  };
}

async function respond(server: FakeApiServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk as string;
    const answer = await server.handle({ method: request.method ?? 'GET', path: request.url ?? '/', headers: request.headers as Record<string, string | undefined>, body });
    await send(answer, response);
  } catch {
    response.destroy();
  }
}

async function send(answer: Answer, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, { ...answer.headers });
  response.flushHeaders();
  const iterator = answer.body[Symbol.asyncIterator]();
  // A watch whose client has gone must not stay subscribed.
  const gone = new Promise<'gone'>((resolve) => response.once('close', () => { resolve('gone'); }));
  while (true) {
    const next = await Promise.race([iterator.next(), gone]);
    if (next === 'gone') {
      answer.close?.();
      return;
    }
    if (next.done === true) break;
    response.write(next.value);
  }
  response.end();
}
