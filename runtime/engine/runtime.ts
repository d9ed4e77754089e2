import type { DType } from './types.ts';
import { addon, type Addon, type NativeContext } from './addon.ts';
import { encodeConfig, type SessionConfig } from './protos.ts';
import { TF } from './dtype.ts';

/** TensorFlow as one process has it: the eager context, and where its work is done. */
export interface Runtime {
  readonly addon: Addon;
  readonly context: NativeContext;
  readonly config: SessionConfig;
  readonly device: 'CPU' | 'GPU';
  /** Device of ops and functions, without the job: a gang changes that part. */
  readonly place: string;
  /** Things alive, by kind: a gang has to be joined before there are any, because joining replaces the devices. */
  readonly live: { tensors: number; variables: number; functions: number };
  /** A number never given before. */
  serial(): number;
}

export function startRuntime(threads: number, device: 'cpu' | 'gpu' | 'auto'): Runtime {
  const config = { threads, gpu: device !== 'cpu' };
  const context = addon().newContext(encodeConfig(config));
  const gpu = device !== 'cpu' && addon().deviceTypes(context).includes('GPU');
  let serial = 0;
  return {
    addon: addon(), context, config,
    device: gpu ? 'GPU' : 'CPU',
    place: gpu ? '/device:GPU:0' : '/device:CPU:0',
    live: { tensors: 0, variables: 0, functions: 0 },
    serial: () => ++serial,
  };
}

/** Where a host value of this type lives: small integers stay on the host, as TensorFlow's GPU kernels expect. */
export const homeOf = (runtime: Runtime, dtype: DType): string =>
  (runtime.device === 'GPU' && TF[dtype] !== TF.int32 ? runtime.place : '');
