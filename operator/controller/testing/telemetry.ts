import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { OperatorProcess, until } from './operator-process.ts';
import type { OtlpReceiver } from './otlp.ts';

/** Names of the metrics in Prometheus' text that have a value. */
const scraped = (text: string): string[] => [...text.matchAll(/^# TYPE (\S+) .*\n(?!#)./gm)].map(([, name]) => name ?? '').sort();

/** Of the series with these labels. */
function valueOf({ metrics }: OtlpReceiver, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const metric = metrics.get(name);
  const series = (metric?.sum ?? metric?.gauge)?.dataPoints.find(({ attributes }) => Object.entries(labels).every(([label, value]) => attributes[label] === value));
  return series?.asDouble ?? series?.asInt;
}

/** A whole life of an operator that sends to `endpoint`; what comes out at `receiver` tells of it, as /metrics does. */
export async function tellsOfItsLife(endpoint: string, receiver: OtlpReceiver): Promise<void> {
  await using operator = await OperatorProcess.start({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test', OTEL_METRIC_EXPORT_INTERVAL: '1000', OTEL_SERVICE_NAME: '',
  });
  await operator.train('lab', 't');
  const names = scraped(await operator.metrics());
  // A leader alone knows it, and when it has ended it leads no more.
  await until(() => valueOf(receiver, 'srdit_resources', { kind: 'SRDiTTraining', state: 'Complete' }) === 1);
  // It sends the rest before it ends.
  assert.equal(await operator.stop(), 0, operator.said);
  assert.deepEqual(receiver.errors, []);
  assert.doesNotMatch(operator.said, /OpenTelemetry/);
  const [sender] = receiver.senders;
  assert.equal(receiver.senders.length, 1);
  assert.deepEqual(
    [sender?.['service.name'], sender?.['service.instance.id'], sender?.['k8s.namespace.name'], sender?.['deployment.environment.name']],
    ['srdit-operator', hostname(), 'srdit-system', 'test'],
  );

  const reconciles = receiver.spans.filter(({ name, attributes }) => name === 'reconcile srdittrainings.srdit.dev' && attributes['k8s.object.key'] === 'lab/t');
  assert.ok(reconciles.length > 1, `spans: ${[...new Set(receiver.spans.map(({ name }) => name))].join(', ')}`);
  const job = receiver.spans.find(({ name, attributes }) => name === 'POST' && attributes['url.path'] === '/apis/batch/v1/namespaces/lab/jobs');
  const parent = reconciles.find(({ spanId }) => spanId === job?.parentSpanId);
  assert.ok(job !== undefined && parent?.traceId === job.traceId, 'the request that made the Job belongs to a reconciliation');
  assert.equal(parent.parentSpanId, '');

  assert.deepEqual(names.filter((name) => !receiver.metrics.has(name)), [], 'metrics that /metrics has');
  assert.ok((valueOf(receiver, 'rest_client_requests_total', { method: 'POST', code: '201' }) ?? 0) >= 3, 'Service, NetworkPolicy and Job');
  const times = receiver.metrics.get('controller_runtime_reconcile_time_seconds')?.histogram?.dataPoints.find(({ attributes }) => attributes['controller'] === 'srdittrainings.srdit.dev');
  assert.ok(times !== undefined && times.count >= reconciles.length);
  assert.equal(times.bucketCounts.reduce((sum, count) => sum + count, 0), times.count);
  assert.equal(times.explicitBounds.length, 40);
}
