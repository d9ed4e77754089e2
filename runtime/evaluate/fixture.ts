import { readFileSync } from 'node:fs';
import { parseSafetensors } from '../safetensors/read.ts';
import { rowsOf, type Rows } from './rows.ts';

/** Numbers of the golden fixtures, for the tests of evaluate and generate. */
const folder = new URL('../parity/fixtures/', import.meta.url);

/** Tensors of a file by name, as float64 rows (a vector is one column), times scale. */
export async function fixtureTensors(file: string): Promise<(name: string, scale?: number) => Rows> {
  const opened = parseSafetensors(readFileSync(new URL(file, folder)), file);
  const all = new Map<string, Rows>();
  for (const name of opened.names()) {
    const { dtype, shape } = opened.info(name);
    const values = dtype.startsWith('F') ? await opened.float64(name) : Float64Array.from(await opened.int32(name));
    const columns = shape[1] ?? 1;
    all.set(name, rowsOf(values, values.length / columns, columns));
  }
  return (name, scale = 1) => {
    const rows = all.get(name);
    if (rows === undefined) throw new Error(`No tensor "${name}" in ${file}`);
    return { ...rows, data: rows.data.map((value) => value * scale) };
  };
}

export const fixtureManifest = JSON.parse(readFileSync(new URL('metrics/manifest.json', folder), 'utf8')) as {
  results: {
    inception_score: Record<string, { float64: { mean: number; per_split: number[] } }>;
    precision_recall: Record<string, { scale: number; float64: { precision: number; recall: number } }>;
    kd: Record<string, { kd_value: number; kd_variance_is_std: number; n_subsets: number; subset_size: number; degree: number; coef0: number; gamma: string | number }>;
  } & Record<'fid_small' | 'fid_pool' | 'fid_spatial' | 'fd_reps', { exact: { fid: number; mean_term: number; trace_ref: number; trace_sample: number; trace_sqrt: number } }>;
};
