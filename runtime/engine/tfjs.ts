/** tfjs-node (ops, autodiff, kernels, stock eager backend), loaded so that it works on a current Node and TensorFlow. */
import { createRequire } from 'node:module';
import type * as Tfjs from '@tensorflow/tfjs';
import type { HostData } from './types.ts';

// TensorFlow's log says what the engine's errors say, and much else; TF_CPP_MIN_LOG_LEVEL=0 shows it all.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '3';
// Left to itself TensorFlow says on stderr that oneDNN may round differently from machine to machine. Only functions without
// XLA would use it, and there Eigen's products are as fast.
process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0';
// XLA's rewriting of large sums on CPUs into trees of windows runs at 2.5 GB/s; sums left whole are vectorized and read 17
// to 25 GB/s, and a training step sums the squares of all gradients. What the user says comes after and wins.
process.env['XLA_FLAGS'] = ['--xla_disable_hlo_passes=tree_reduction_rewriter', process.env['XLA_FLAGS']].filter(Boolean).join(' ');

const require = createRequire(import.meta.url);

// tfjs-node 4.22 calls two functions that Node has taken out (since 23) or warns of.
const util = require('node:util') as Record<string, unknown>;
util['isNullOrUndefined'] = (value: unknown): boolean => value === null || value === undefined;
util['isArray'] = Array.isArray;

/** The stock package: its import registers the backend "tensorflow" and makes it the current one. */
export const tf = require('@tensorflow/tfjs-node-gpu') as typeof Tfjs;

/** A result of an op, as tfjs-node's binding describes it: dtype by TensorFlow's number. */
export interface Metadata { readonly id: number; readonly dtype: number; readonly shape: readonly number[] }
export interface OpAttribute { readonly name: string; readonly type: number; readonly value: string | number | boolean | readonly number[] }

/** The narrow waist of tfjs-node: all that its kernels ask of TensorFlow. */
export interface Binding {
  createTensor(shape: readonly number[], dtype: number, data: HostData): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): HostData;
  executeOp(op: string, attributes: readonly OpAttribute[], inputs: readonly number[], outputs: number): Metadata[];
  isUsingGpuDevice(): boolean;
}

/** tfjs-node's backend over any binding; its typings keep some of these to itself. */
export interface NodeBackend extends Tfjs.KernelBackend {
  readonly binding: Binding;
  createOutputTensor(metadata: Metadata): Tfjs.Tensor;
  getInputTensorIds(tensors: readonly Tfjs.Tensor[]): number[];
  executeSingleOutput(op: string, attributes: readonly OpAttribute[], inputs: readonly Tfjs.Tensor[]): Tfjs.Tensor;
  write(values: Tfjs.backend_util.BackendValues, shape: number[], dtype: Tfjs.DataType): object;
  move(dataId: object, values: Tfjs.backend_util.BackendValues, shape: number[], dtype: Tfjs.DataType, refCount: number): void;
}
export const KernelBackend = (require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js') as {
  NodeJSKernelBackend: new (binding: Binding, packageName: string) => NodeBackend;
}).NodeJSKernelBackend;

export const nodeBackend = (): NodeBackend => tf.backend() as NodeBackend;

export const EAGER_BACKEND = 'tensorflow';
