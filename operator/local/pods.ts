import { availableParallelism } from 'node:os';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesObject } from '../plan/types.ts';
import type { PodTemplate } from '../plan/objects/pod-overrides.ts';
import { RunError } from './errors.ts';

/** A container turned into a process of this machine. */
export interface LocalPod {
  readonly name: string;
  readonly worker: number;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly terminationLog: string;
  readonly httpPort: number;
  readonly graceSeconds: number;
}

export interface Machine {
  /** What the command `srdit-runtime` is here. */
  readonly runtime: readonly string[];
  /** What file:/// stands for. */
  readonly volumes: string;
  /** Folder of the pod's mounted files. */
  folder(podName: string): string;
  /** Free ports: one a rank, then one a worker for HTTP. */
  readonly ports: readonly number[];
  /** Environment of whoever runs the executor. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly gpus: number;
}

interface JobObject { readonly metadata: { readonly name: string }; readonly spec: { readonly completions: number; readonly template: PodTemplate } }

/** The pods of a Job of the plan, as processes: same command and environment; mounted paths become folders, host names
 *  become 127.0.0.1, ports become free ones.
 *  @throws RunError BadCommand for a command that no process of this machine stands for */
export function localPods(object: KubernetesObject, machine: Machine): LocalPod[] {
  const { metadata, spec } = object as unknown as JobObject;
  return Array.from({ length: spec.completions }, (_, worker) => localPod(metadata.name, worker, spec.completions, spec.template, machine));
}

function localPod(job: string, worker: number, workers: number, template: PodTemplate, machine: Machine): LocalPod {
  const name = `${job}-${worker}`;
  const folder = machine.folder(name);
  const [container] = template.spec.containers;
  const volumes = new Map(template.spec.volumes.map((volume) => [volume.name, volume]));

  const mounts: (readonly [string, string])[] = [];
  for (const mount of container.volumeMounts) {
    // Shared memory is the machine's own; a claim's files lie where file:/// looks for them.
    if (mount.mountPath === '/dev/shm' || volumes.get(mount.name)?.['emptyDir'] === undefined) continue;
    const here = join(folder, mount.name);
    mkdirSync(here, { recursive: true });
    mounts.push([mount.mountPath, here]);
  }
  const terminationLog = join(folder, 'termination-log');
  writeFileSync(terminationLog, '');
  mounts.push([String(container['terminationMessagePath']), terminationLog]);
  const moved = (value: string): string => {
    const mount = mounts.find(([path]) => value === path || value.startsWith(`${path}/`));
    return mount === undefined ? value : mount[1] + value.slice(mount[0].length);
  };

  const declared = Object.fromEntries(container.env.map((variable) => [variable.name, moved(variable.value ?? fromField(variable, worker))]));
  const ranks = (declared['SRDIT_ADDRESSES'] ?? '').split(',').length;
  const httpPort = machine.ports[ranks + worker] ?? 0;
  const [program = '', ...rest] = container.command;
  if (program !== 'srdit-runtime') throw new RunError('BadCommand', `Cannot run "${program}" here: a laptop runs only srdit-runtime, without the image`);
  const given = machine.environment;
  const tmp = mounts.find(([path]) => path === '/tmp')?.[1];
  return {
    name, worker, terminationLog, httpPort, argv: [...machine.runtime, ...rest],
    graceSeconds: template.spec.terminationGracePeriodSeconds,
    env: {
      ...Object.fromEntries(Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))),
      ...(tmp === undefined ? {} : { TMPDIR: tmp }),
      ...declared,
      SRDIT_ADDRESSES: machine.ports.slice(0, ranks).map((port) => `127.0.0.1:${port}`).join(','),
      SRDIT_HTTP_PORT: String(httpPort),
      SRDIT_FILE_ROOT: machine.volumes,
      // A YAML that asks for GPUs runs on what the laptop has.
      SRDIT_DEVICE: declared['SRDIT_DEVICE'] === 'cpu' ? 'cpu' : given['SRDIT_DEVICE'] ?? 'auto',
      SRDIT_THREADS: given['SRDIT_THREADS'] ?? String(Math.max(1, Math.floor(availableParallelism() / ranks))),
      SRDIT_LOG: 'text',
      SRDIT_PARENT_PIPE: '1',
      // gRPC would send 127.0.0.1 through a proxy, and NCCL skips the loopback device, which is all a namespace has.
      no_grpc_proxy: '127.0.0.1,localhost',
      NCCL_SOCKET_IFNAME: given['NCCL_SOCKET_IFNAME'] ?? 'lo',
      ...gpusOf(worker, ranks / workers, machine),
    },
  };
}

function fromField(variable: { readonly name: string; readonly valueFrom?: Record<string, unknown> }, worker: number): string {
  const path = (variable.valueFrom?.['fieldRef'] as { fieldPath?: string } | undefined)?.fieldPath;
  if (path === "metadata.annotations['batch.kubernetes.io/job-completion-index']") return String(worker);
  throw new RunError('BadCommand', `Cannot set the variable "${variable.name}" here: a laptop has no ${Object.keys(variable.valueFrom ?? {}).join() || 'source'} to take it from. Give it a value in spec.pod.env`);
}

/** As a device plugin would: every worker sees GPUs of its own, as long as there are enough. */
function gpusOf(worker: number, ranksPerWorker: number, machine: Machine): Record<string, string> {
  if (machine.gpus === 0 || machine.environment['CUDA_VISIBLE_DEVICES'] !== undefined) return {};
  const own = Array.from({ length: ranksPerWorker }, (_, rank) => (worker * ranksPerWorker + rank) % machine.gpus);
  return { CUDA_VISIBLE_DEVICES: [...new Set(own)].join(',') };
}
