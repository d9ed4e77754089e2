import { EvaluateError, type Rows } from './rows.ts';

/** Mean [d] and covariance [d, d] (denominator count - 1) of a set of features, float64. */
export interface Statistics {
  readonly mean: Float64Array;
  readonly covariance: Float64Array;
  /** Pictures behind the statistics; 0 = unknown (statistics read from a file). */
  readonly count: number;
}

/** Mean and scatter of features that arrive in batches: memory is O(d²), whatever the number of pictures.
 *  Batches are centred on their own mean and merged (Chan, Golub, LeVeque 1979), so nothing cancels. */
export class Moments {
  readonly columns: number;
  #count = 0;
  readonly #mean: Float64Array;
  /** Upper triangle of Σ (x - mean)(x - mean)ᵀ. */
  readonly #scatter: Float64Array;

  constructor(columns: number) {
    this.columns = columns;
    this.#mean = new Float64Array(columns);
    this.#scatter = new Float64Array(columns * columns);
  }

  get count(): number { return this.#count; }

  /** Adds rows [n, d]. Throws BadFeatures if one of them is not finite. */
  add(batch: Rows): void {
    const d = this.columns;
    if (batch.columns !== d) {
      throw new EvaluateError('BadFeatures', `Cannot add features of ${batch.columns} dimensions to statistics of ${d}. Compute all with the same features`);
    }
    if (batch.rows === 0) return;
    const mean = columnMeans(batch);
    const centred = centre(batch, mean);
    addScatter(this.#scatter, centred);
    // Merging two sets: the scatter grows by (difference of means)² × n m / (n + m).
    const total = this.#count + batch.rows;
    const difference = mean.map((value, k) => value - (this.#mean[k] as number));
    if (this.#count > 0) {
      const weight = Math.sqrt((this.#count * batch.rows) / total);
      addScatter(this.#scatter, { rows: 1, columns: d, data: difference.map((value) => value * weight) });
    }
    for (let k = 0; k < d; k++) this.#mean[k] = (this.#mean[k] as number) + ((difference[k] as number) * batch.rows) / total;
    this.#count = total;
  }

  /** Throws TooFew below two rows: a covariance needs them. */
  statistics(): Statistics {
    if (this.#count < 2) {
      throw new EvaluateError('TooFew', `Cannot take the covariance of ${this.#count} ${this.#count === 1 ? 'picture' : 'pictures'}. Use at least 2`);
    }
    const d = this.columns;
    const covariance = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let j = i; j < d; j++) {
        covariance[i * d + j] = (this.#scatter[i * d + j] as number) / (this.#count - 1);
        covariance[j * d + i] = covariance[i * d + j] as number;
      }
    }
    return { mean: this.#mean.slice(), covariance, count: this.#count };
  }
}

/** Mean of every column, float64. Throws BadFeatures if a number is not finite. */
export function columnMeans(matrix: Rows): Float64Array {
  const { rows, columns, data } = matrix;
  const mean = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < columns; k++) {
      const value = data[i * columns + k] as number;
      if (!Number.isFinite(value)) {
        throw new EvaluateError('BadFeatures', `Cannot measure features that hold ${value} (row ${i}, column ${k}). Look for a diverged model or a damaged picture`);
      }
      mean[k] = (mean[k] as number) + value;
    }
  }
  return mean.map((sum) => sum / rows);
}

/** (x - mean) × scale, as float64. */
export function centre(matrix: Rows, mean: Float64Array, scale = 1): Rows {
  const { rows, columns, data } = matrix;
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < columns; k++) out[i * columns + k] = ((data[i * columns + k] as number) - (mean[k] as number)) * scale;
  }
  return { rows, columns, data: out };
}

/** scatter += xᵀ x, upper triangle only, four rows at a time (each pass over the triangle costs more than its sums). */
function addScatter(scatter: Float64Array, x: Rows): void {
  const d = x.columns;
  const { data } = x;
  const at = (row: number, k: number): number => (row < x.rows ? data[row * d + k] as number : 0);
  for (let row = 0; row < x.rows; row += 4) {
    const r0 = row * d;
    const whole = row + 4 <= x.rows;
    for (let i = 0; i < d; i++) {
      const a0 = at(row, i);
      const a1 = at(row + 1, i);
      const a2 = at(row + 2, i);
      const a3 = at(row + 3, i);
      const base = i * d;
      if (whole) {
        for (let j = i; j < d; j++) {
          scatter[base + j] = (scatter[base + j] as number) + a0 * (data[r0 + j] as number) + a1 * (data[r0 + d + j] as number)
            + a2 * (data[r0 + 2 * d + j] as number) + a3 * (data[r0 + 3 * d + j] as number);
        }
      } else {
        for (let j = i; j < d; j++) scatter[base + j] = (scatter[base + j] as number) + a0 * at(row, j) + a1 * at(row + 1, j) + a2 * at(row + 2, j) + a3 * at(row + 3, j);
      }
    }
  }
}
