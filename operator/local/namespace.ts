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
