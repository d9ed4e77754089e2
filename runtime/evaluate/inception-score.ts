import { EvaluateError, slice, type Rows } from './rows.ts';

/** Softmax of every row, in float64. */
export function softmax(logits: Rows): Rows {
  const { rows, columns, data } = logits;
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * columns, (i + 1) * columns);
    let max = -Infinity;
    for (const value of row) max = Math.max(max, value);
    let sum = 0;
    for (let k = 0; k < columns; k++) {
      const value = Math.exp((row[k] as number) - max);
      out[i * columns + k] = value;
      sum += value;
    }
    for (let k = 0; k < columns; k++) out[i * columns + k] = (out[i * columns + k] as number) / sum;
  }
  return { rows, columns, data: out };
}

/** Inception score (Salimans et al. 2016): exp of the mean KL divergence between a picture's class probabilities and the
 *  split's mean, averaged plainly over consecutive splits (the last may be shorter), as ADM's evaluator does. 0 ln 0 = 0.
 *  probabilities: [pictures, classes]. */
export function inceptionScore(probabilities: Rows, splitSize = 5000): { readonly mean: number; readonly splits: readonly number[] } {
  if (probabilities.rows === 0) throw new EvaluateError('TooFew', 'Cannot score 0 pictures. Pass at least one');
  const splits: number[] = [];
  for (let start = 0; start < probabilities.rows; start += splitSize) splits.push(splitScore(slice(probabilities, start, start + splitSize)));
  return { mean: splits.reduce((sum, value) => sum + value, 0) / splits.length, splits };
}

function splitScore({ rows, columns, data }: Rows): number {
  const marginal = new Float64Array(columns);
  for (let i = 0; i < data.length; i++) marginal[i % columns] = (marginal[i % columns] as number) + (data[i] as number) / rows;
  const logMarginal = marginal.map(Math.log);
  let divergence = 0;
  for (let i = 0; i < data.length; i++) {
    const p = data[i] as number;
    if (p > 0) divergence += p * (Math.log(p) - (logMarginal[i % columns] as number));
  }
  return Math.exp(divergence / rows);
}
