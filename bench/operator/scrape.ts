/** What the operator says of itself in its metrics. */

const text = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();

/** How late its event loop was, 99th percentile since this was asked last, milliseconds. */
export async function lagOf(port: number): Promise<number> {
  return 1000 * Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await text(port))?.[1] ?? NaN);
}

/** Upper bound of the bucket that holds the 99th percentile of all reconciliations of trainings, milliseconds. */
export async function reconcileP99(port: number): Promise<number> {
  return 1000 * bucketOf(await text(port), 'controller_runtime_reconcile_time_seconds', 'srdittrainings.srdit.dev', 0.99);
}

/** Upper bound, as the metric gives it, of the bucket of a histogram in which a quantile lies. */
export function bucketOf(scraped: string, name: string, controller: string, quantile: number): number {
  const buckets = scraped.split('\n').filter((line) => line.startsWith(`${name}_bucket{`) && line.includes(`controller="${controller}"`))
    .map((line) => ({ bound: Number(/le="([^"]+)"/.exec(line)?.[1]?.replace('+Inf', 'Infinity')), count: Number(line.slice(line.lastIndexOf(' ') + 1)) }));
  const total = buckets.at(-1)?.count ?? 0;
  return buckets.find(({ count }) => count >= quantile * total)?.bound ?? NaN;
}
