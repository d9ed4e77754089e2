/** Kubeconfigs by @kubernetes/client-node: client certificates, tokens and token files, exec plugins, OIDC, cloud providers. */
import { KubeConfig } from '@kubernetes/client-node';
import type { CredentialSource, Credentials } from './connection.ts';

/** The current (or named) context of a kubeconfig file; of kubectl's usual places when no file is given. */
export function kubeconfigCredentials({ file, context }: { file?: string | undefined; context?: string | undefined }): CredentialSource {
  const load = (): KubeConfig => {
    const config = new KubeConfig();
    // $KUBECONFIG may be a list of files, which only loadFromDefault merges.
    if (file === undefined || file === '' || file === process.env.KUBECONFIG) config.loadFromDefault();
    else config.loadFromFile(file);
    if (context !== undefined) config.setCurrentContext(context);
    return config;
  };
  let config = load();
  return {
    read(fresh) {
      // Tokens that a plugin or a file gave are kept inside of a KubeConfig, so a new one forgets them.
      if (fresh) config = load();
      return credentialsOf(config);
    },
  };
}

/** What a KubeConfig says now, after asking its plugins. */
export async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new Error(`Cannot connect: the kubeconfig's context "${config.getCurrentContext()}" names no cluster. Set current-context to one of ${config.getContexts().map(({ name }) => `"${name}"`).join(', ') || 'its contexts (it has none)'}`);
  }
  // client-node refuses http: unless verification is off, though there is nothing to verify.
  if (cluster.server.startsWith('http:')) (cluster as { skipTLSVerify: boolean }).skipTLSVerify = true;
  const options: { headers?: Record<string, unknown>; auth?: string | null; ca?: unknown; cert?: unknown; key?: unknown; servername?: string; rejectUnauthorized?: boolean } = {};
  await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value).trim();
  if (options.auth != null) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const text = (value: unknown): string | undefined => (value == null ? undefined : Buffer.isBuffer(value) ? value.toString('utf8') : typeof value === 'string' ? value : undefined);
  const [ca, cert, key] = [text(options.ca), text(options.cert), text(options.key)];
  const { servername, rejectUnauthorized } = options;
  return {
    server: cluster.server, headers, proxyUrl: cluster.proxyUrl,
    tls: {
      ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }), ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
}
