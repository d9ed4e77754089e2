import { spawnSync } from 'node:child_process';

/** Brings up the loopback device, by whatever the machine has, then becomes the command. */
const SCRIPT = `PATH=$PATH:/usr/sbin:/sbin
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || python3 -c '
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1))' || exit 69
exec "$@"`;

const PREFIX = ['unshare', '--user', '--map-root-user', '--net', '--', 'sh', '-c', SCRIPT, 'sh'] as const;

export type Isolation = { readonly prefix: readonly string[]; readonly why?: undefined } | { readonly prefix: readonly []; readonly why: string };

/** TensorFlow's gRPC server has no authentication and listens on all addresses, so a gang of several ranks gets a network
 *  namespace of its own where an ordinary user may make one. Otherwise `why` says why not.
 *  Tried for real: kernels, containers and security modules forbid it in many ways. */
export function isolation(setting: string | undefined): Isolation {
  if (setting === 'off') return { prefix: [], why: 'SRDIT_NETNS=off' };
  const [program, ...args] = PREFIX;
  const tried = spawnSync(program, [...args, 'true'], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 10_000, encoding: 'utf8' });
  if (tried.status === 0) return { prefix: PREFIX };
  const missing = (tried.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
  return { prefix: [], why: missing ? 'this system has no unshare command (util-linux)' : `unshare says: ${(tried.stderr || 'no').trim().split('\n').at(-1) ?? ''}` };
}

/** Uris of a resource that lie in an object store. */
const remoteUris = (value: unknown): boolean =>
  typeof value === 'string' ? value.startsWith('gs://') : typeof value === 'object' && value !== null && Object.values(value).some(remoteUris);

/** A gang in a namespace of its own reaches nothing outside, an object store neither: one that needs a store goes without. */
export const isolationFor = (spec: { readonly storage: unknown; readonly data?: unknown; readonly checkpoint?: unknown; readonly reference?: unknown }, machine: Isolation): Isolation =>
  remoteUris([spec.storage, spec.data, spec.checkpoint, spec.reference]) ? { prefix: [], why: 'the run needs an object store, which a namespace of its own would not reach' } : machine;
