/** Kubernetes and Helm from their Go modules, each built once: from nothing some ten minutes on two cores. */
import { join } from 'node:path';
import { cached, digest } from './cache.ts';
import { goBuild } from './go-build.ts';

const SOURCES = join(import.meta.dirname, 'binaries');
const KUBERNETES = 'v1.34.4';
const HELM = 'v3.19.0';

/** Without these it would call itself v0.0.0-master, which kubectl and Helm take for very old. */
const KUBERNETES_FLAGS = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((place) => Object.entries({
  gitVersion: KUBERNETES, gitMajor: '1', gitMinor: KUBERNETES.split('.')[1] ?? '', gitTreeState: 'clean', gitCommit: '0'.repeat(40), buildDate: '2026-01-01T00:00:00Z',
}).map(([name, value]) => `-X ${place}.${name}=${value}`)).join(' ');

/** Builds unless it is in the cache. */
async function build(kind: string, name: string, sources: readonly string[], linker: string, target: string): Promise<string> {
  const key = digest(sources.map((file) => join(SOURCES, file)), linker, target);
  return cached(kind, key, name, async (place) => {
    process.stderr.write(`e2e: building ${name} (once; minutes)\n`);
    await goBuild(SOURCES, place, { target, linker });
  });
}

/** Path of the binary that is etcd, the API server, kubelet, kubectl and the rest.
 *  @throws MissingPart without Go */
export const kubernetes = (): Promise<string> => build('k8s', 'k8s', ['main.go', 'go.mod', 'go.sum'], KUBERNETES_FLAGS, '.');

/** Path of helm.
 *  @throws MissingPart without Go */
export const helm = (): Promise<string> => build('helm', 'helm', ['go.mod', 'go.sum'], `-X helm.sh/helm/v3/internal/version.version=${HELM}`, 'helm.sh/helm/v3/cmd/helm');
