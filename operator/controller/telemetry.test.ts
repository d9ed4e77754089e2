import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '@srdit/runtime/free-ports.ts';
import { OperatorProcess } from './testing/operator-process.ts';
import { OtlpReceiver } from './testing/otlp.ts';
import { tellsOfItsLife } from './testing/telemetry.ts';

test('spans of reconciliations and their requests, and every metric of /metrics, go out by OTLP', { timeout: 120_000 }, async () => {
  await using receiver = await OtlpReceiver.start();
  await tellsOfItsLife(receiver.url, receiver);
});

test('no spans where the sampler says so; a name given wins', { timeout: 120_000 }, async () => {
  await using receiver = await OtlpReceiver.start();
  await using operator = await OperatorProcess.start({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_SAMPLER: 'always_off', OTEL_SERVICE_NAME: 'ours', OTEL_METRIC_EXPORT_INTERVAL: '1000',
  });
  await operator.train('lab', 't');
  assert.equal(await operator.stop(), 0, operator.said);
  assert.deepEqual([receiver.spans.length, receiver.senders.map((sender) => sender['service.name'])], [0, ['ours']]);
  assert.ok(receiver.metrics.has('srdit_resources'));
});

test('a collector that is away costs a line in the log, not the operator', { timeout: 120_000 }, async () => {
  await using operator = await OperatorProcess.start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`, OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
  await operator.train('lab', 't');
  assert.equal(await operator.stop(), 0, operator.said);
  const lines = operator.said.trimEnd().split('\n').map((line) => JSON.parse(line) as { level: string; message?: string; msg?: string });
  assert.doesNotMatch(operator.said, /node_modules/, 'a sentence, not a stack');
  assert.ok(lines.some((line) => line.level === 'warn' && /OpenTelemetry: .*ECONNREFUSED/.test(JSON.stringify(line))), operator.said);
});
