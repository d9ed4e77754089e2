/** What a machine must have before a cluster can be on it. */
import { existsSync } from 'node:fs';
import { attempt, command } from './command.ts';
import { MissingPart } from './missing-part.ts';

/** Debian package -> a file that shows that it is there. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  containerd: ['/usr/bin/containerd', '/usr/local/bin/containerd'],
  runc: ['/usr/sbin/runc', '/usr/bin/runc', '/usr/local/sbin/runc'],
  'containernetworking-plugins': ['/usr/lib/cni/bridge', '/opt/cni/bin/bridge'],
  iptables: ['/usr/sbin/iptables', '/sbin/iptables'],
  conntrack: ['/usr/sbin/conntrack'],
  'busybox-static': ['/bin/busybox', '/usr/bin/busybox'],
  openssl: ['/usr/bin/openssl'],
  curl: ['/usr/bin/curl'],
  iproute2: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'],
};

const absent = (): string[] => Object.entries(PACKAGES).filter(([, files]) => !files.some((file) => existsSync(file))).map(([name]) => name);

/** Looks for everything that we cannot bring.
 *  @throws MissingPart naming the first that lacks */
export async function checkMachine(): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new MissingPart(`The test cluster is for Linux x86_64 and this machine is ${process.platform} ${process.arch}`, 'Use a Linux x86_64 machine');
  if (process.getuid?.() !== 0) throw new MissingPart('Only root may make namespaces, mounts and cgroups', 'Run the command as root, for example in a container with --privileged');
  const namespaces = await attempt('unshare', ['--mount', '--pid', '--net', '--fork', '--mount-proc', 'mount', '-t', 'tmpfs', 'tmpfs', '/run']).catch((error: unknown) => ({ code: 1, stderr: String(error) }));
  if (namespaces.code !== 0) throw new MissingPart(`This machine makes no namespaces of mounts, processes and networks (${namespaces.stderr.trim()})`, 'Run the command where root has CAP_SYS_ADMIN');
  const cgroups = await attempt('sh', ['-c', 'for place in /sys/fs/cgroup/memory /sys/fs/cgroup; do [ -d $place ] || continue; mkdir $place/srdit-probe && rmdir $place/srdit-probe; exit $?; done; exit 1']);
  if (cgroups.code !== 0) throw new MissingPart('The cgroups of this machine cannot be written', 'Mount /sys/fs/cgroup writable (docker: --privileged)');
}

/** Installs the missing Debian packages.
 *  @throws MissingPart where there is no apt-get or no network */
export async function bringPackages(): Promise<void> {
  const wanted = absent();
  if (wanted.length === 0) return;
  const mend = `Install ${wanted.join(', ')} (or what your system calls them)`;
  if ((await attempt('apt-get', ['--version']).catch(() => ({ code: 1 }))).code !== 0) throw new MissingPart(`This machine lacks ${wanted.join(', ')} and is no Debian, where we could install them`, mend);
  process.stderr.write(`e2e: installing ${wanted.join(', ')}\n`);
  const install = (): Promise<string> => command('apt-get', ['install', '-y', '--no-install-recommends', ...wanted], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, seconds: 300 });
  try {
    await install().catch(async () => {
      await command('apt-get', ['update'], { seconds: 120 });
      return install();
    });
  } catch (error) {
    throw new MissingPart(`apt-get cannot install ${wanted.join(', ')}: ${(error as Error).message}`, mend);
  }
}

/** First of the usual places of the CNI plugins. */
export const cniFolder = (): string => (existsSync('/usr/lib/cni/bridge') ? '/usr/lib/cni' : '/opt/cni/bin');
