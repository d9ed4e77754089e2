/** What an operator says of itself in its metrics. */
import { get } from 'node:https';

/** Where it says it, in the names of controller-runtime. */
export interface Metrics {
  /** Over TLS with a certificate of its own, if a token is asked for. */
  readonly url: string;
  readonly token?: string;
  /** The controller whose reconciliations count. */
  readonly controller: string;
}

const text = async ({ url, token }: Metrics): Promise<string> => (token === undefined ? (await fetch(url)).text() : new Promise((resolve, reject) => {
  get(url, { headers: { authorization: `Bearer ${token}` }, rejectUnauthorized: false }, (answer) => {
    let body = '';
    answer.setEncoding('utf8').on('data', (some: string) => { body += some; }).on('end', () => {
      if (answer.statusCode === 200) resolve(body);
      else reject(new Error(`Cannot read the metrics at ${url}: HTTP ${answer.statusCode}. ${body.slice(0, 200)}`));
    });
  }).once('error', reject);
}));

/** Cumulative counts of a histogram by the upper bounds of its buckets. */
export type Histogram = ReadonlyMap<number, number>;

export interface Scraped {
  /** How late its event loop was, 99th percentile since it was asked last, seconds. NaN for what has none. */
  readonly lag: number;
  /** How long all reconciliations have taken, seconds. */
  readonly reconciled: Histogram;
}

export async function scrape(metrics: Metrics): Promise<Scraped> {
  const scraped = await text(metrics);
  return {
    lag: Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(scraped)?.[1] ?? NaN),
    reconciled: histogramOf(scraped, 'controller_runtime_reconcile_time_seconds', metrics.controller),
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
