/** Feature vectors, one a row: [rows, columns], row-major. */
export interface Rows {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array | Float32Array;
}

/** A measurement that cannot be made. The message says what, why and how to mend. */
export class EvaluateError extends Error {
  override readonly name = 'EvaluateError';
  readonly code: 'BadFeatures' | 'TooFew' | 'BadReference' | 'BadPictures';
  constructor(code: EvaluateError['code'], message: string, options?: ErrorOptions) { super(message, options); this.code = code; }
}

/** Views numbers as rows. Throws if the counts do not agree. */
export function rowsOf(data: Float64Array | Float32Array, rows: number, columns: number): Rows {
  if (data.length !== rows * columns) {
    throw new EvaluateError('BadFeatures', `Cannot read ${data.length} numbers as ${rows} rows of ${columns}: that takes ${rows * columns}. Pass the whole matrix, row by row`);
  }
  return { rows, columns, data };
}

/** Rows [start, end) of a matrix; shares its memory. */
export function slice(matrix: Rows, start: number, end: number): Rows {
  const last = Math.min(end, matrix.rows);
  return { rows: last - start, columns: matrix.columns, data: matrix.data.subarray(start * matrix.columns, last * matrix.columns) };
}

/** Copies of the rows at these indices, in this order. */
export function pick(matrix: Rows, indices: ArrayLike<number>): Rows {
  const { columns } = matrix;
  const data = new Float64Array(indices.length * columns);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i] as number;
    data.set(matrix.data.subarray(row * columns, (row + 1) * columns), i * columns);
  }
  return { rows: indices.length, columns, data };
}

/** a bᵀ: [a.rows, b.rows], accumulated in float64. Two rows of each side are taken at once, so every number
 *  that is loaded is used twice. */
export function productTransposed(a: Rows, b: Rows): Float64Array {
  if (a.columns !== b.columns) {
    throw new EvaluateError('BadFeatures', `Cannot compare features of ${a.columns} and ${b.columns} dimensions. Compute both sets with the same features`);
  }
  const n = a.columns;
  const left = a.data;
  const right = b.data;
  const out = new Float64Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i += 2) {
    const i0 = i * n;
    const i1 = i + 1 < a.rows ? i0 + n : i0;
    for (let j = 0; j < b.rows; j += 2) {
      const j0 = j * n;
      const j1 = j + 1 < b.rows ? j0 + n : j0;
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      for (let k = 0; k < n; k++) {
        const l0 = left[i0 + k] as number;
        const l1 = left[i1 + k] as number;
        const r0 = right[j0 + k] as number;
        const r1 = right[j1 + k] as number;
        s00 += l0 * r0;
        s01 += l0 * r1;
        s10 += l1 * r0;
        s11 += l1 * r1;
      }
      out[i * b.rows + j] = s00;
      if (j1 !== j0) out[i * b.rows + j + 1] = s01;
      if (i1 !== i0) {
        out[(i + 1) * b.rows + j] = s10;
        if (j1 !== j0) out[(i + 1) * b.rows + j + 1] = s11;
      }
    }
  }
  return out;
}

/** Squared Euclidean norm of every row. */
export function squaredNorms(matrix: Rows): Float64Array {
  const norms = new Float64Array(matrix.rows);
  for (let i = 0; i < matrix.rows; i++) {
    let sum = 0;
    for (let k = i * matrix.columns; k < (i + 1) * matrix.columns; k++) sum += (matrix.data[k] as number) ** 2;
    norms[i] = sum;
  }
  return norms;
}
