/** The same metrics for OpenTelemetry: with an SDK in the process they go where its exporter sends them (OTLP). */
import { metrics } from '@opentelemetry/api';
import type { Meter } from '@opentelemetry/api';
import type { Registry } from './metrics.ts';

/** Hands every metric of the registry to the meter. Call it after the SDK has been set up and the registry is complete. */
export function exportMetrics(registry: Registry, meter: Meter = metrics.getMeter('kopf-ts')): void {
  for (const metric of registry.metrics) {
    const options = { description: metric.help };
    if (metric.type === 'histogram') {
      const histogram = meter.createHistogram(metric.name, { ...options, advice: { explicitBucketBoundaries: [...metric.buckets] } });
      metric.onObserve((labels, value) => { histogram.record(value, labels); });
    } else {
      const instrument = metric.type === 'counter' ? meter.createObservableCounter(metric.name, options) : meter.createObservableGauge(metric.name, options);
      instrument.addCallback((result) => { for (const { labels, value } of metric.all()) result.observe(value, labels); });
    }
  }
}
