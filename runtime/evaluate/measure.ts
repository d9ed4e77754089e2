import type { Pictures } from '../generate/pictures.ts';
import { frechetDistance } from './frechet.ts';
import { Moments, type Statistics } from './moments.ts';
import { pixelFeatures } from './pixel-features.ts';
import { precisionRecall, type Product } from './precision-recall.ts';
import { EvaluateError, type Rows } from './rows.ts';

/** Points of each set that precision and recall look at, as in ADM's evaluator: the first so many. */
export const REFERENCE_POINTS = 10_000;
export const SAMPLE_POINTS = 50_000;

/** What a set of pictures is known by. */
export interface Measured {
  readonly statistics: Statistics;
  /** Features of the first pictures; absent where only statistics are known. */
  readonly points?: Rows;
}

export interface MeasureOptions {
  /** Side to which pictures are scaled. */
  readonly size: number;
  /** k of precision and recall; default 3. */
  readonly neighbours?: number;
  /** Products of features on a device; default on the host. */
  readonly product?: Product;
  /** Rows of a block of distances. */
  readonly block?: number;
}

export interface Measurement {
  /** Pixel Fréchet distance. */
  readonly frechetDistance: number;
  /** Absent where the reference has statistics only, or too few pictures for their neighbours. */
  readonly precision?: number;
  readonly recall?: number;
  readonly count: number;
  /** Pictures behind the reference; 0 = the file does not say. */
  readonly referenceCount: number;
  readonly dimensions: number;
  /** What to keep in mind when reading the numbers, as sentences. */
  readonly warnings: readonly string[];
}

/** Gathers what the metrics need while pictures stream by: O(dimensions² + points x dimensions) memory. */
export async function gather(pictures: AsyncIterable<Pictures> | Iterable<Pictures>, size: number, points: number): Promise<Measured> {
  let moments: Moments | undefined;
  const kept: Rows[] = [];
  let keptRows = 0;
  for await (const batch of pictures) {
    if (batch.count === 0) continue;
    const features = pixelFeatures(batch, size);
    moments ??= new Moments(features.columns);
    moments.add(features);
    if (keptRows < points) {
      const rows = Math.min(features.rows, points - keptRows);
      kept.push({ rows, columns: features.columns, data: features.data.slice(0, rows * features.columns) });
      keptRows += rows;
    }
  }
  if (moments === undefined) throw new EvaluateError('TooFew', 'Cannot measure 0 pictures. Use at least 2');
  const data = new Float32Array(keptRows * moments.columns);
  let at = 0;
  for (const part of kept) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { statistics: moments.statistics(), points: { rows: keptRows, columns: moments.columns, data } };
}

/** Pixel Fréchet distance, precision and recall of pictures against a reference (gather(..., REFERENCE_POINTS) of real
 *  pictures, or one read from .npz). Throws EvaluateError. */
export async function measurePictures(pictures: AsyncIterable<Pictures> | Iterable<Pictures>, reference: Measured, options: MeasureOptions): Promise<Measurement> {
  return compare(await gather(pictures, options.size, SAMPLE_POINTS), reference, options);
}

/** The same of two sets that have been gathered. */
export async function compare(samples: Measured, reference: Measured, options: Omit<MeasureOptions, 'size'>): Promise<Measurement> {
  const { neighbours = 3 } = options;
  const dimensions = samples.statistics.mean.length;
  const count = samples.statistics.count;
  const referenceCount = reference.statistics.count;
  const warnings: string[] = [];
  // Where all features are at hand and fewer than the dimensions, they are smaller and more exact than a covariance.
  const side = ({ statistics, points }: Measured): Statistics | Rows =>
    points !== undefined && points.rows === statistics.count && points.rows <= statistics.mean.length ? points : statistics;
  const { distance } = frechetDistance(side(reference), side(samples));
  for (const [what, rows] of [['drawn', count], ['reference', referenceCount]] as const) {
    if (rows > 0 && rows <= dimensions) {
      warnings.push(`The covariance of ${rows} ${what} pictures in ${dimensions} dimensions is singular, so the distance depends on the number of pictures: compare only with runs of the same count`);
    }
  }
  const points = { reference: reference.points, samples: samples.points };
  if (points.reference === undefined || points.samples === undefined) {
    warnings.push('Precision and recall need reference pictures and the reference holds statistics only: it has no "arr_0"');
  } else if (Math.min(points.reference.rows, points.samples.rows) <= neighbours) {
    warnings.push(`Precision and recall need more than ${neighbours} pictures on both sides: there are ${points.reference.rows} reference pictures and ${points.samples.rows} drawn ones`);
  } else {
    const shift = centredOn(reference.statistics.mean);
    const { precision, recall } = await precisionRecall(shift(points.reference), shift(points.samples), { ...options, neighbours });
    return { frechetDistance: distance, precision, recall, count, referenceCount, dimensions, warnings };
  }
  return { frechetDistance: distance, count, referenceCount, dimensions, warnings };
}

/** Distances do not change when both sets are moved, and lose fewer digits in float32 near the origin. */
const centredOn = (mean: Float64Array) => (rows: Rows): Rows => ({
  ...rows, data: Float32Array.from(rows.data, (value, i) => value - (mean[i % rows.columns] as number)),
});
