/** The network: undici towards the server that a kubeconfig, or the pod we run in, names. */
import type { Dispatcher } from 'undici';
// The whole of undici, with fetch, WebSocket and caches, would take 13 MB more and 0.1 s.
import Agent from 'undici/lib/dispatcher/agent.js';
import { exchange } from './exchange.ts';
import { inCluster } from './in-cluster.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** How to reach and convince a server. Equal TLS settings share a connection pool. */
export interface Credentials {
  /** https://host:port, perhaps with a path that comes before every other. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Readonly<{ ca?: string; cert?: string; key?: string; servername?: string; rejectUnauthorized?: boolean }>;
  readonly proxyUrl?: string | undefined;
}

/** Where credentials come from. read() is called every few seconds and after a 401; then with fresh = true, which must not be served from a cache. */
export interface CredentialSource {
  read(fresh: boolean): Promise<Credentials>;
}

/** Credentials are read again after this many milliseconds: kubelet renews a pod's token long before it expires. */
const KEEP = 10_000;

export interface ConnectOptions {
  /** A file; default $KUBECONFIG. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  /** Where a pod's token and certificate are; default where kubelet puts them. */
  readonly serviceAccount?: string | undefined;
}

/** Connects as the pod's service account, if we are in a pod and no kubeconfig is named, or else as the kubeconfig's current context. */
export async function connect({ kubeconfig = process.env.KUBECONFIG, context, serviceAccount }: ConnectOptions = {}): Promise<Transport> {
  const pod = kubeconfig === undefined || kubeconfig === '' ? inCluster(serviceAccount) : undefined;
  if (pod !== undefined) return transportOf(pod);
  // Only here: @kubernetes/client-node takes 0.9 s and 55 MB, and a pod does not need it.
  const { kubeconfigCredentials } = await import('./kubeconfig.ts');
  return transportOf(kubeconfigCredentials({ file: kubeconfig, context }));
}

/** A transport over undici. Throws what the source throws when the first reading fails. */
export async function transportOf(source: CredentialSource): Promise<Transport> {
  let credentials = await source.read(false);
  let readAt = performance.now();
  let reading: Promise<void> | undefined;
  let pool = await poolOf(credentials);

  const reread = (fresh: boolean): Promise<void> => reading ??= (async () => {
    try {
      const now = await source.read(fresh);
      if (JSON.stringify([now.tls, now.proxyUrl]) !== JSON.stringify([credentials.tls, credentials.proxyUrl])) {
        const old = pool;
        pool = await poolOf(now);
        // Requests on their way may end; watches are ended by the server in minutes.
        void old.close();
      }
      credentials = now;
      readAt = performance.now();
    } finally {
      reading = undefined;
    }
  })();

  return {
    host: new URL(credentials.server).host,
    async send(asked) {
      if (performance.now() - readAt > KEEP) await reread(false);
      return send(pool, credentials, asked);
    },
    renewCredentials: () => reread(true),
    close: () => pool.destroy(),
  };
}

async function poolOf({ tls, proxyUrl }: Credentials): Promise<Dispatcher> {
  // Our own clock limits time. HTTP/1.1, as one stalled HTTP/2 connection would stall every watch.
  const common = { headersTimeout: 0, bodyTimeout: 0, allowH2: false, keepAliveTimeout: 60_000 };
  if (proxyUrl === undefined) return new Agent({ ...common, connect: { ...tls, keepAlive: true, keepAliveInitialDelay: 15_000, timeout: 10_000 } });
  if (!/^https?:/.test(proxyUrl)) throw new Error(`Cannot use the proxy "${proxyUrl}" of the kubeconfig: only http: and https: proxies are known. Set proxy-url to one of these`);
  const { ProxyAgent } = await import('undici');
  return new ProxyAgent({ ...common, uri: proxyUrl, requestTls: { ...tls } });
}

function send(pool: Dispatcher, { server, headers }: Credentials, { method, path, headers: ours, body, signal }: HttpRequest): Promise<HttpResponse> {
  const { origin, pathname } = new URL(server);
  return exchange(pool, { origin, path: `${pathname.replace(/\/$/, '')}${path}`, method, headers: { ...ours, ...headers }, body: body ?? null }, signal);
}
