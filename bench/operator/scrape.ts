/** What the operator says of itself in its metrics. */

const text = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

/** Cumulative counts of a histogram by the upper bounds of its buckets. */
export type Histogram = ReadonlyMap<number, number>;

export interface Scraped {
  /** How late its event loop was, 99th percentile since it was asked last, seconds. */
  readonly lag: number;
  /** How long all reconciliations of trainings have taken, seconds. */
  readonly reconciled: Histogram;
}

export async function scrape(port: number): Promise<Scraped> {
  const scraped = await text(port);
  return {
    lag: Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(scraped)?.[1] ?? NaN),
    reconciled: histogramOf(scraped, 'controller_runtime_reconcile_time_seconds', 'srdittrainings.srdit.dev'),
  };
}

export const histogramOf = (scraped: string, name: string, controller: string): Histogram => new Map(scraped.split('\n')
  .filter((line) => line.startsWith(`${name}_bucket{`) && line.includes(`controller="${controller}"`))
  .map((line) => [Number(/le="([^"]+)"/.exec(line)?.[1]?.replace('+Inf', 'Infinity')), Number(line.slice(line.lastIndexOf(' ') + 1))]));

/** Upper bound of the bucket in which a quantile of what was added since `before` lies. */
export function quantileOf(histogram: Histogram, quantile: number, before: Histogram = new Map()): number {
  const added = [...histogram].map(([bound, count]) => ({ bound, count: count - (before.get(bound) ?? 0) }));
  const total = added.at(-1)?.count ?? 0;
  return added.find(({ count }) => count >= quantile * total)?.bound ?? NaN;
}
