/** Rank that draws a picture: batches of consecutive indices are dealt round-robin, so that ranks agree without talking,
 *  whatever is finished already. */
export const rankOf = (index: number, batch: number, world: number): number => Math.floor(index / batch) % world;

/** Pictures that this rank has still to draw, in batches (the last may be short). */
export function missingBatches(count: number, batch: number, rank: number, world: number, finished: ReadonlySet<number>): number[][] {
  const missing: number[] = [];
  for (let index = 0; index < count; index++) if (rankOf(index, batch, world) === rank && !finished.has(index)) missing.push(index);
  return Array.from({ length: Math.ceil(missing.length / batch) }, (_, i) => missing.slice(i * batch, (i + 1) * batch));
}
