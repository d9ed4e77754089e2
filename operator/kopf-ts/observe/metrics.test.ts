import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { Registry } from './metrics.ts';
import { exportMetrics } from './otel-metrics.ts';

test('counters, gauges and histograms are written as Prometheus reads them', () => {
  const registry = new Registry();
  const counter = registry.counter('doors_total', 'Doors\nby "colour"');
  counter.add({ colour: 'a "b"\\\n' });
  counter.add({ colour: 'red' }, 3);
  registry.gauge('chairs', 'Chairs').set({}, 4);
  registry.gauge('tables', 'Tables').read({ room: 'a' }, () => 2);
  const histogram = registry.histogram('walk_seconds', 'Walks', [0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.observe({ room: 'a' }, seconds);
  assert.equal(registry.text(), `# HELP doors_total Doors\\nby "colour"
# TYPE doors_total counter
doors_total{colour="a \\"b\\"\\\\\\n"} 1
doors_total{colour="red"} 3
# HELP chairs Chairs
# TYPE chairs gauge
chairs 4
# HELP tables Tables
# TYPE tables gauge
tables{room="a"} 2
# HELP walk_seconds Walks
# TYPE walk_seconds histogram
walk_seconds_bucket{room="a",le="0.1"} 2
walk_seconds_bucket{room="a",le="1"} 3
walk_seconds_bucket{room="a",le="+Inf"} 4
walk_seconds_sum{room="a"} 7.65
walk_seconds_count{room="a"} 4
`);
  assert.throws(() => registry.counter('chairs', 'again'), /Cannot add metric "chairs"/);
});

test('the same metrics go out by OpenTelemetry', async () => {
  const registry = new Registry();
  registry.counter('doors_total', 'Doors').add({ colour: 'red' }, 3);
  registry.gauge('chairs', 'Chairs').set({}, 4);
  const histogram = registry.histogram('walk_seconds', 'Walks', [0.1, 1]);
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  exportMetrics(registry, provider.getMeter('test'));
  histogram.observe({}, 0.5);
  await provider.forceFlush();
  const points = new Map(exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints[0]]));
  assert.deepEqual(points.get('doors_total')?.attributes, { colour: 'red' });
  assert.equal(points.get('doors_total')?.value, 3);
  assert.equal(points.get('chairs')?.value, 4);
  assert.deepEqual((points.get('walk_seconds')?.value as { buckets: unknown }).buckets, { boundaries: [0.1, 1], counts: [0, 1, 0] });
  await provider.shutdown();
});
