/** What kubelet and Prometheus ask: /healthz (is it worth going on), /readyz (has it seen the world), /metrics. */
import type { AddressInfo } from 'node:net';

// An import of node:http evaluates all its exports, one of which is the whole of undici: a quarter of the time in which an operator starts.
const { createServer } = process.getBuiltinModule('node:http');

export interface Probes {
  /** Undefined: fine. Otherwise what is wrong, and the process is to be started again. */
  readonly healthy: () => string | undefined;
  readonly ready: () => string | undefined;
  readonly metrics: () => string;
}

export interface ProbeServer extends AsyncDisposable {
  readonly port: number;
}

/** Rejects when the port is in use. Port 0 takes a free one. */
export async function serveProbes(probes: Probes, { port, host = '0.0.0.0' }: { port: number; host?: string }): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    const answer = (problem: string | undefined): void => {
      response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain' }).end(`${problem ?? 'ok'}\n`);
    };
    switch ((request.url ?? '').split('?', 1)[0]) {
      case '/healthz': answer(probes.healthy()); break;
      case '/readyz': answer(probes.ready()); break;
      case '/metrics': response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(probes.metrics()); break;
      default: response.writeHead(404, { 'content-type': 'text/plain' }).end('There are /healthz, /readyz and /metrics\n');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => { server.close(resolve); });
      server.closeAllConnections();
      await closed;
    },
  };
}
