import { spawn, type ChildProcess } from 'node:child_process';
import type { Cluster } from './cluster/cluster.ts';

/** `kubectl get ... --watch`: gives each event as it comes, and ends when the API server ends the watch. */
export function watchObjects<T>(cluster: Cluster, args: readonly string[], take: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => void): ChildProcess {
  const child = spawn(cluster.binary, ['kubectl', 'get', ...args, '--watch', '--output-watch-events', '-o', 'json'], { env: cluster.environment, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      const { type, object } = JSON.parse(line) as { type: string; object: T };
      // Others (ERROR, with a Status as object) tell that it ends, as does the definition of a kind that has just been made.
      if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') take(type, object);
    }
  });
  return child;
}
