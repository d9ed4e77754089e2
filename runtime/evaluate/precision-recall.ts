import { EvaluateError, productTransposed, slice, squaredNorms, type Rows } from './rows.ts';

/** a bᵀ [a.rows, b.rows]: on the host by default; a device does it faster. */
export type Product = (a: Rows, b: Rows) => ArrayLike<number> | Promise<ArrayLike<number>>;

export interface PrecisionRecallOptions {
  /** k: the radius of a point is its distance to its k-th neighbour; default 3. */
  readonly neighbours?: number;
  /** Rows of a block; bounds memory at block² numbers. */
  readonly block?: number;
  readonly product?: Product;
}

export interface PrecisionRecall {
  /** Share of samples inside the ball of at least one reference point. */
  readonly precision: number;
  /** Share of reference points inside the ball of at least one sample. */
  readonly recall: number;
  /** Squared radii of the balls. */
  readonly referenceRadii: Float64Array;
  readonly sampleRadii: Float64Array;
}

/** Improved precision and recall (Kynkäänniemi et al. 2019) as ADM's evaluator defines them: balls around every point
 *  reach to its k-th neighbour in its own set, and squared distances are compared with <=. (ADM rounds distances to
 *  float16 first; we do not.) reference: [n, d], samples: [m, d]. */
export async function precisionRecall(reference: Rows, samples: Rows, options: PrecisionRecallOptions = {}): Promise<PrecisionRecall> {
  const { neighbours = 3, block = 2048, product = productTransposed } = options;
  for (const [name, set] of [['reference pictures', reference], ['samples', samples]] as const) {
    if (set.rows <= neighbours) {
      throw new EvaluateError('TooFew', `Cannot find ${neighbours} neighbours among ${set.rows} ${name}. Use more than ${neighbours} pictures or fewer neighbours`);
    }
  }
  const distances = { reference: withNorms(reference), samples: withNorms(samples) };
  const referenceRadii = await radii(distances.reference, neighbours, block, product);
  const sampleRadii = await radii(distances.samples, neighbours, block, product);
  const covered = { samples: new Uint8Array(samples.rows), reference: new Uint8Array(reference.rows) };
  for await (const tile of tiles(distances.reference, distances.samples, block, product)) {
    for (let i = 0; i < tile.rows; i++) {
      const radius = referenceRadii[tile.row + i] as number;
      for (let j = 0; j < tile.columns; j++) {
        const distance = tile.at(i, j);
        if (distance <= radius) covered.samples[tile.column + j] = 1;
        if (distance <= (sampleRadii[tile.column + j] as number)) covered.reference[tile.row + i] = 1;
      }
    }
  }
  const share = (flags: Uint8Array): number => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  return { precision: share(covered.samples), recall: share(covered.reference), referenceRadii, sampleRadii };
}

interface Normed extends Rows { readonly norms: Float64Array }
const withNorms = (set: Rows): Normed => ({ ...set, norms: squaredNorms(set) });

/** A block of the squared distances: rows from `row`, columns from `column`. */
interface Tile { readonly row: number; readonly column: number; readonly rows: number; readonly columns: number; at(i: number, j: number): number }

async function* tiles(a: Normed, b: Normed, block: number, product: Product): AsyncGenerator<Tile> {
  for (let row = 0; row < a.rows; row += block) {
    for (let column = 0; column < b.rows; column += block) {
      const left = slice(a, row, row + block);
      const right = slice(b, column, column + block);
      const dots = await product(left, right);
      yield {
        row, column, rows: left.rows, columns: right.rows,
        at: (i, j) => Math.max((a.norms[row + i] as number) - 2 * (dots[i * right.rows + j] as number) + (b.norms[column + j] as number), 0),
      };
    }
  }
}

/** Squared distance of every point to its k-th neighbour in its own set (the point itself is the 0th). */
async function radii(set: Normed, neighbours: number, block: number, product: Product): Promise<Float64Array> {
  const kept = neighbours + 1;
  // Ascending list of the smallest distances of each row, filled block by block.
  const nearest = new Float64Array(set.rows * kept).fill(Infinity);
  for await (const tile of tiles(set, set, block, product)) {
    for (let i = 0; i < tile.rows; i++) {
      const list = nearest.subarray((tile.row + i) * kept, (tile.row + i + 1) * kept);
      for (let j = 0; j < tile.columns; j++) {
        const distance = tile.at(i, j);
        if (distance >= (list[neighbours] as number)) continue;
        let place = neighbours;
        for (; place > 0 && (list[place - 1] as number) > distance; place--) list[place] = list[place - 1] as number;
        list[place] = distance;
      }
    }
  }
  return Float64Array.from({ length: set.rows }, (_, i) => nearest[i * kept + neighbours] as number);
}
