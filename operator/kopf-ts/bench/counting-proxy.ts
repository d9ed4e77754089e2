/** Counts the requests of an operator on their way to the API server. It authenticates as who is measured; watches are passed through. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Transport } from '../api/transport.ts';

export interface CountingProxy extends AsyncDisposable {
  readonly url: string;
  /** Since the last call, by method. */
  take(): Record<string, number>;
}

export async function countingProxy(transport: Transport): Promise<CountingProxy> {
  let counts: Record<string, number> = {};
  const server = createServer((request, response) => {
    void (async () => {
      const gone = new AbortController();
      response.once('close', () => { gone.abort(); });
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk as string;
      const method = request.method as 'GET';
      counts[method] = (counts[method] ?? 0) + 1;
      const answer = await transport.send({
        method, path: request.url ?? '/', signal: gone.signal, headers: { 'accept': request.headers.accept ?? '*/*', 'content-type': request.headers['content-type'] ?? 'application/json' }, ...(body === '' ? {} : { body }),
      });
      response.writeHead(answer.status, { 'content-type': answer.headers['content-type'] ?? 'application/json' });
      response.flushHeaders();
      for await (const chunk of answer.chunks()) response.write(chunk);
      response.end();
    })().catch(() => { response.destroy(); });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take() {
      const taken = counts;
      counts = {};
      return taken;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => { server.close(resolve); });
      server.closeAllConnections();
      await closed;
    },
  };
}
