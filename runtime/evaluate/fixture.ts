import { readFileSync } from 'node:fs';
import { rowsOf, type Rows } from './rows.ts';

/** Numbers of the golden fixtures, for the tests of evaluate and generate. */
const folder = new URL('../parity/fixtures/', import.meta.url);

interface Entry { readonly dtype: 'F64' | 'F32' | 'I32' | 'U8' | 'I8'; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }

export function fixtureTensors(file: string): (name: string, scale?: number) => Rows {
  const bytes = readFileSync(new URL(file, folder));
  const header = Number(bytes.readBigUInt64LE(0));
  const entries = JSON.parse(bytes.toString('utf8', 8, 8 + header)) as Record<string, Entry>;
  return (name, scale = 1) => {
    const entry = entries[name];
    if (entry === undefined) throw new Error(`No tensor "${name}" in ${file}`);
    const [start, end] = entry.data_offsets;
    const body = new Uint8Array(bytes.subarray(8 + header + start, 8 + header + end)).buffer;
    const types = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array, I8: Int8Array };
    const values = Float64Array.from(new types[entry.dtype](body), (value) => value * scale);
    const columns = entry.shape.length > 1 ? (entry.shape[1] ?? 1) : 1;
    return rowsOf(values, values.length / columns, columns);
  };
}

export const fixtureManifest = JSON.parse(readFileSync(new URL('metrics/manifest.json', folder), 'utf8')) as {
  results: {
    inception_score: Record<string, { float64: { mean: number; per_split: number[] } }>;
    precision_recall: Record<string, { scale: number; float64: { precision: number; recall: number } }>;
    kd: Record<string, { kd_value: number; kd_variance_is_std: number; n_subsets: number; subset_size: number; degree: number; coef0: number; gamma: string | number }>;
  } & Record<'fid_small' | 'fid_pool' | 'fid_spatial' | 'fd_reps', { exact: { fid: number; mean_term: number; trace_ref: number; trace_sample: number; trace_sqrt: number } }>;
};
