import { Mersenne } from './mersenne.ts';
import { EvaluateError, pick, productTransposed, type Rows } from './rows.ts';

export interface KernelOptions {
  /** Default 100. */
  readonly subsets?: number;
  /** Pictures of each set in a subset; at most the smaller set. Default 1000. */
  readonly subsetSize?: number;
  /** Kernel (gamma a·b + coef0)^degree; defaults 3, 1 / dimensions, 1. */
  readonly degree?: number;
  readonly gamma?: number;
  readonly coef0?: number;
  /** Default 13579, the seed of dgm-eval. */
  readonly seed?: number;
  /** Rows of each subset, instead of drawing them. */
  readonly indices?: readonly { readonly real: ArrayLike<number>; readonly generated: ArrayLike<number> }[];
}

export interface KernelDistance {
  /** Mean of the subsets' squared MMD. */
  readonly mean: number;
  /** Their population standard deviation (dgm-eval prints it as "kd_variance"). */
  readonly std: number;
  readonly perSubset: Float64Array;
  readonly indices: readonly { readonly real: ArrayLike<number>; readonly generated: ArrayLike<number> }[];
}

/** At most this many pictures of a set take part. */
const SET_LIMIT = 50_000;

/** Kernel distance: squared maximum mean discrepancy under a polynomial kernel, unbiased, averaged over subsets
 *  (Bińkowski et al. 2018, as dgm-eval's "kd"; KDD on DINOv2 features). real: [n, d], generated: [m, d]; float64. */
export function kernelDistance(real: Rows, generated: Rows, options: KernelOptions = {}): KernelDistance {
  const { degree = 3, gamma = 1 / real.columns, coef0 = 1 } = options;
  const indices = options.indices ?? drawSubsets(real.rows, generated.rows, options);
  const perSubset = Float64Array.from(indices, (subset) =>
    squaredMmd(pick(real, subset.real), pick(generated, subset.generated), (dot) => (gamma * dot + coef0) ** degree));
  const mean = perSubset.reduce((sum, value) => sum + value, 0) / perSubset.length;
  const variance = perSubset.reduce((sum, value) => sum + (value - mean) ** 2, 0) / perSubset.length;
  return { mean, std: Math.sqrt(variance), perSubset, indices };
}

/** Subsets without replacement: for each, real rows first, then generated ones, from one generator. A set above 50 000
 *  is first reduced to a sorted draw of that many. */
export function drawSubsets(real: number, generated: number, options: Pick<KernelOptions, 'subsets' | 'subsetSize' | 'seed'> = {}): { real: Int32Array; generated: Int32Array }[] {
  const { subsets = 100, subsetSize = 1000, seed = 13579 } = options;
  const random = new Mersenne(seed);
  const reduced = (count: number): Int32Array | undefined => (count > SET_LIMIT ? random.choice(count, SET_LIMIT).sort() : undefined);
  const kept = { real: reduced(real), generated: reduced(generated) };
  const size = Math.min(subsetSize, real, generated);
  const draw = (count: number, of: Int32Array | undefined): Int32Array =>
    random.choice(of?.length ?? count, size).map((index) => of?.[index] ?? index);
  return Array.from({ length: subsets }, () => {
    const first = draw(real, kept.real);
    return { real: first, generated: draw(generated, kept.generated) };
  });
}

/** [Σ_{i≠j} k(x_i, x_j) + Σ_{i≠j} k(y_i, y_j)] / (m (m - 1)) - 2 Σ_ij k(x_i, y_j) / m². */
function squaredMmd(x: Rows, y: Rows, kernel: (dot: number) => number): number {
  const m = x.rows;
  if (m < 2 || y.rows !== m) {
    throw new EvaluateError('TooFew', `Cannot compare subsets of ${m} and ${y.rows} pictures: the kernel distance takes as many of each, at least 2. Use larger sets`);
  }
  const own = (set: Rows): number => {
    const dots = productTransposed(set, set);
    let sum = 0;
    for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) if (i !== j) sum += kernel(dots[i * m + j] as number);
    return sum;
  };
  const cross = productTransposed(x, y).reduce((sum, dot) => sum + kernel(dot), 0);
  return (own(x) + own(y)) / (m * (m - 1)) - (2 * cross) / (m * m);
}
