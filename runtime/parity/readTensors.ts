import { readFileSync } from 'node:fs';
import { FixtureError, type HostTensor, type Tensors } from './fixture.ts';

const READERS: Readonly<Record<string, (bytes: ArrayBuffer) => HostTensor['data']>> = {
  F32: (bytes) => new Float32Array(bytes),
  F64: (bytes) => new Float64Array(bytes),
  I32: (bytes) => new Int32Array(bytes),
  I64: (bytes) => Int32Array.from(new BigInt64Array(bytes), Number),
  U8: (bytes) => new Uint8Array(bytes),
  I8: (bytes) => new Int8Array(bytes),
};

/** Throws FixtureError, also for a file that is missing or cut off. */
export function readTensors(path: string): Tensors {
  try {
    return parse(path);
  } catch (cause) {
    if (cause instanceof FixtureError) throw cause;
    throw new FixtureError(`Cannot read "${path}": ${cause instanceof Error ? cause.message : String(cause)}. Copy the fixture folder again, whole`, { cause });
  }
}

function parse(path: string): Tensors {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, start)) as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  delete header.__metadata__;
  return Object.fromEntries(Object.entries(header).map(([name, { dtype, shape, data_offsets: [from, to] }]) => {
    const reader = READERS[dtype];
    if (reader === undefined) throw new FixtureError(`Cannot read "${name}" of ${path}: type ${dtype} is not used in fixtures`);
    if (start + to > file.length) throw new FixtureError(`Cannot read "${name}" of ${path}: the file ends before it. Copy the fixture folder again, whole`);
    const bytes = file.subarray(start + from, start + to);
    return [name, { shape, data: reader(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) }];
  }));
}
