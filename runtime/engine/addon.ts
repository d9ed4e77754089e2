import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { HostData } from './types.ts';
import { EngineError, reason } from './errors.ts';

declare const native: unique symbol;
type Native<Name extends string> = { readonly [native]: Name };
export type NativeContext = Native<'context'>;
export type NativeTensor = Native<'tensor'>;
export type NativeGraph = Native<'graph'>;

/** Flat list of name, kind (Attr), value, name, kind, value, ... */
export type Attributes = readonly (string | number | boolean | readonly number[])[];

/** Kinds of attribute: TensorFlow's TF_AttrType. */
export const Attr = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

/** srdit.node, see native/*.cc. Errors carry TensorFlow's status name in `code`. */
export interface Addon {
  version(): string;
  newContext(config: Uint8Array): NativeContext;
  deviceTypes(context: NativeContext): string[];
  removeFunction(context: NativeContext, name: string): void;
  enableCollectives(context: NativeContext, server: Uint8Array): Promise<void>;
  checkPeer(context: NativeContext, task: string, milliseconds: number): Promise<void>;
  abortCollectives(context: NativeContext, message: string): void;

  newTensor(context: NativeContext, dtype: number, shape: readonly number[], data: HostData, device: string): NativeTensor;
  deleteTensor(tensor: NativeTensor): void;
  tensorType(tensor: NativeTensor): number;
  tensorShape(tensor: NativeTensor): number[];
  readTensor(tensor: NativeTensor): ArrayBuffer;

  execute(context: NativeContext, op: string, attributes: Attributes, inputs: readonly NativeTensor[], outputs: number, device: string): NativeTensor[];
  executeAsync(context: NativeContext, op: string, attributes: Attributes, inputs: readonly NativeTensor[], outputs: number, device: string): Promise<NativeTensor[]>;

  newGraph(): NativeGraph;
  deleteGraph(graph: NativeGraph): void;
  /** [operation, then per output: output, dtype, rank or -1, extents...] */
  addOp(graph: NativeGraph, op: string, name: string, inputs: readonly (number | readonly number[])[], attributes: Attributes, controls: readonly number[]): number[];
  addConstant(graph: NativeGraph, name: string, dtype: number, shape: readonly number[], data: HostData): number[];
  /** Number of nodes. */
  addFunction(context: NativeContext, graph: NativeGraph, name: string, inputs: readonly number[], outputs: readonly number[], controls: readonly number[], xla: boolean): number;
}

function load(): Addon {
  const path = process.env['SRDIT_ADDON'] ?? join(import.meta.dirname, 'native', 'build', 'srdit.node');
  if (!existsSync(path)) {
    throw new EngineError('AddonMissing', `Cannot start the engine: its native addon "${path}" does not exist. Run ./srdit once, which builds it, or set SRDIT_ADDON`);
  }
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    throw new EngineError('AddonMissing', `Cannot load the native addon "${path}": ${reason(cause)}. Build it again with native/build.sh`, { cause });
  }
}

let loaded: Addon | undefined;
/** The addon, loaded on first use. */
export const addon = (): Addon => (loaded ??= load());
