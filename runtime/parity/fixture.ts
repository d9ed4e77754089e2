import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTensors } from './readTensors.ts';
import type { HostData, DType } from '../engine/types.ts';

/** A tensor on the host: integers as Int32Array. */
export interface HostTensor { readonly shape: readonly number[]; readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | Int8Array }

/** A fixture folder: manifest.json and the tensors of its safetensors files. */
export interface Fixture {
  readonly dir: string;
  readonly name: string;
  // The manifest's form depends on the kind of fixture; each kind reads what it knows.
  readonly manifest: Manifest;
  /** Tensors of a file of the folder, or beside it ("../model-tiny/weights.safetensors"). */
  file(name: string): Tensors;
}
export type Tensors = Readonly<Record<string, HostTensor>>;
export type Manifest = Readonly<Record<string, unknown>>;

export class FixtureError extends Error {
  readonly code = 'BadFixture';
  override readonly name = 'FixtureError';
}

export function readFixture(dir: string): Fixture {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Manifest;
  } catch (cause) {
    throw new FixtureError(`Cannot read fixture "${dir}": ${cause instanceof Error ? cause.message : String(cause)}. Name a folder that holds manifest.json`, { cause });
  }
  const files = new Map<string, Tensors>();
  return {
    dir, manifest, name: dir.replace(/\/+$/, '').split('/').at(-1) ?? dir,
    file(name) {
      const known = files.get(name);
      if (known !== undefined) return known;
      const tensors = readTensors(join(dir, name));
      files.set(name, tensors);
      return tensors;
    },
  };
}

/** The tensor, or a sentence that says which is missing. */
export function tensorOf(tensors: Tensors, name: string): HostTensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new FixtureError(`The fixture has no tensor "${name}". Make it anew, or compare the names with its manifest`);
  return tensor;
}

/** The rows from..to of a tensor's first axis. */
export function rowsOf({ shape, data }: HostTensor, from: number, to: number): HostTensor {
  const width = data.length / (shape[0] ?? 1);
  return { shape: [to - from, ...shape.slice(1)], data: data.slice(from * width, to * width) };
}

/** As an argument of a function that computes in this type. */
export function asArgument({ shape, data }: HostTensor, float: 'float32' | 'float64'): { data: HostData; spec: { dtype: DType; shape: readonly number[] } } {
  if (data instanceof Int32Array) return { data, spec: { dtype: 'int32', shape } };
  return { data: float === 'float64' ? Float64Array.from(data) : Float32Array.from(data), spec: { dtype: float, shape } };
}
