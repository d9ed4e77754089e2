/** The service account of the pod that this process runs in. */
import { existsSync, readFileSync } from 'node:fs';
import type { CredentialSource } from './connection.ts';

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Undefined outside of a pod. The token is read anew each time, because kubelet replaces it about every hour. */
export function inCluster(folder = FOLDER, env: NodeJS.ProcessEnv = process.env): CredentialSource | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === undefined || host === '' || !existsSync(`${folder}/token`)) return undefined;
  return {
    async read() {
      return {
        server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
        headers: { authorization: `Bearer ${readFileSync(`${folder}/token`, 'utf8').trim()}` },
        tls: { ca: readFileSync(`${folder}/ca.crt`, 'utf8') },
      };
    },
  };
}

/** The namespace of the pod that this process runs in, if it is in one. */
export function inClusterNamespace(folder = FOLDER): string | undefined {
  return existsSync(`${folder}/namespace`) ? readFileSync(`${folder}/namespace`, 'utf8').trim() : undefined;
}
