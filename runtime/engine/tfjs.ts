/** tfjs-node (ops, autodiff, kernels, stock eager backend), loaded so that it works on a current Node and TensorFlow. */
import { createRequire } from 'node:module';
import type * as Tfjs from '@tensorflow/tfjs';
import type { NodeJSKernelBackend } from '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js';

// TensorFlow's start-up notices are not for users; warnings and errors are.
process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';

const require = createRequire(import.meta.url);

// tfjs-node 4.22 calls two functions that Node 23 took out.
const util = require('node:util') as Record<string, unknown>;
util['isNullOrUndefined'] ??= (value: unknown): boolean => value === null || value === undefined;
util['isArray'] ??= Array.isArray;

/** The stock package: its import registers the backend "tensorflow" and makes it the current one. */
export const tf = require('@tensorflow/tfjs-node-gpu') as typeof Tfjs;

export type { NodeJSKernelBackend };
export const KernelBackend = (require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js') as {
  NodeJSKernelBackend: typeof NodeJSKernelBackend;
}).NodeJSKernelBackend;

export const EAGER_BACKEND = 'tensorflow';
