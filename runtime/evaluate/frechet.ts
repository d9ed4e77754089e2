import { Matrix, SVD } from 'ml-matrix';
import { centre, columnMeans, Moments, type Statistics } from './moments.ts';
import { EvaluateError, productTransposed, squaredNorms, type Rows } from './rows.ts';

/** Parts of the distance: meanTerm + traceReference + traceSamples - 2 traceRoot. */
export interface FrechetDistance {
  readonly distance: number;
  /** ‖μ₁ - μ₂‖² */
  readonly meanTerm: number;
  readonly traceReference: number;
  readonly traceSamples: number;
  /** tr (Σ₁ Σ₂)^½ */
  readonly traceRoot: number;
}

/** What one side of the distance is known by: statistics, or the features themselves. */
export type FrechetSide = Statistics | Rows;

/** Fréchet distance of two Gaussians, ‖μ₁ - μ₂‖² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½ (Heusel et al. 2017; FID on Inception
 *  pool features, sFID on spatial ones, "pixel Fréchet distance" on downscaled pictures).
 *
 *  With Σᵢ = FᵢᵀFᵢ, tr (Σ₁Σ₂)^½ is the nuclear norm of F₁F₂ᵀ: no matrix is rooted, so singular covariances (fewer
 *  pictures than dimensions) lose no digits. F is the centred features / √(n-1) where they are given and fewer than the
 *  dimensions, otherwise the Cholesky factor of the covariance, cut at its rank.
 *  2048 dimensions at full rank take about 40 s on one core; 500 against 400 rows about 1 s. */
export function frechetDistance(reference: FrechetSide, samples: FrechetSide): FrechetDistance {
  const a = side(reference);
  const b = side(samples);
  if (a.mean.length !== b.mean.length) {
    throw new EvaluateError('BadFeatures', `Cannot compare features of ${a.mean.length} and ${b.mean.length} dimensions. Compute both sets with the same features`);
  }
  let meanTerm = 0;
  for (let k = 0; k < a.mean.length; k++) meanTerm += ((a.mean[k] as number) - (b.mean[k] as number)) ** 2;
  const traceRoot = nuclearNorm(a.factor.rows >= b.factor.rows ? [a.factor, b.factor] : [b.factor, a.factor]);
  return { distance: meanTerm + a.trace + b.trace - 2 * traceRoot, meanTerm, traceReference: a.trace, traceSamples: b.trace, traceRoot };
}

interface Side { readonly mean: Float64Array; readonly trace: number; readonly factor: Rows }

function side(of: FrechetSide): Side {
  if ('covariance' in of) return fromCovariance(of);
  if (of.rows < 2) throw new EvaluateError('TooFew', `Cannot take the covariance of ${of.rows} ${of.rows === 1 ? 'picture' : 'pictures'}. Use at least 2`);
  if (of.rows > of.columns) {
    const moments = new Moments(of.columns);
    moments.add(of);
    return fromCovariance(moments.statistics());
  }
  const mean = columnMeans(of);
  const factor = centre(of, mean, 1 / Math.sqrt(of.rows - 1));
  return { mean, trace: squaredNorms(factor).reduce((sum, value) => sum + value, 0), factor };
}

function fromCovariance({ mean, covariance }: Statistics): Side {
  const d = mean.length;
  if (covariance.length !== d * d) {
    throw new EvaluateError('BadReference', `Cannot use a covariance of ${covariance.length} numbers with a mean of ${d}: it takes ${d * d}. Take both from the same file`);
  }
  for (const value of mean) if (!Number.isFinite(value)) throw notFinite('mean', value);
  for (const value of covariance) if (!Number.isFinite(value)) throw notFinite('covariance', value);
  let trace = 0;
  for (let i = 0; i < d; i++) trace += covariance[i * d + i] as number;
  return { mean, trace, factor: choleskyFactor(covariance, d) };
}

const notFinite = (what: string, value: number): EvaluateError =>
  new EvaluateError('BadReference', `Cannot use statistics whose ${what} holds ${value}. Compute them again`);

/** F [rank, d] with Σ = FᵀF, by Cholesky with diagonal pivoting. Ends where the largest remaining diagonal entry is
 *  rounding of the first (d × ε × max), so a singular Σ gives as many rows as it has rank. */
export function choleskyFactor(covariance: Float64Array, d: number): Rows {
  const rest = new Float64Array(d);
  for (let i = 0; i < d; i++) rest[i] = covariance[i * d + i] as number;
  const floor = d * Number.EPSILON * rest.reduce((max, value) => Math.max(max, value), 0);
  const factor = new Float64Array(d * d);
  const taken = new Uint8Array(d);
  let rank = 0;
  for (; rank < d; rank++) {
    let pivot = -1;
    for (let i = 0; i < d; i++) if (taken[i] === 0 && (pivot < 0 || (rest[i] as number) > (rest[pivot] as number))) pivot = i;
    const value = rest[pivot] as number;
    if (!(value > floor)) break;
    taken[pivot] = 1;
    const root = Math.sqrt(value);
    const row = factor.subarray(rank * d, (rank + 1) * d);
    for (let j = 0; j < d; j++) row[j] = covariance[pivot * d + j] as number;
    for (let k = 0; k < rank; k++) {
      const above = factor.subarray(k * d, (k + 1) * d);
      const weight = above[pivot] as number;
      if (weight !== 0) for (let j = 0; j < d; j++) row[j] = (row[j] as number) - weight * (above[j] as number);
    }
    for (let j = 0; j < d; j++) {
      row[j] = taken[j] === 1 && j !== pivot ? 0 : (row[j] as number) / root;
      rest[j] = (rest[j] as number) - (row[j] as number) ** 2;
    }
    row[pivot] = root;
  }
  return { rows: rank, columns: d, data: factor.subarray(0, rank * d) };
}

/** Sum of the singular values of F₁F₂ᵀ; F₁ has at least as many rows. */
function nuclearNorm([a, b]: readonly [Rows, Rows]): number {
  if (b.rows === 0) return 0; // a set of equal pictures
  const product = Matrix.from1DArray(a.rows, b.rows, productTransposed(a, b));
  const singular = new SVD(product, { computeLeftSingularVectors: false, computeRightSingularVectors: false });
  return singular.diagonal.reduce((sum, value) => sum + value, 0);
}
