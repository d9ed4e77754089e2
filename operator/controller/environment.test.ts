import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentOf } from './environment.ts';

test('an empty environment is enough', () => {
  const { SRDIT_NAMESPACES, SRDIT_LEASE, SRDIT_PROBE_PORT, POD_NAMESPACE } = environmentOf({ SRDIT_LEASE: '', SRDIT_NAMESPACES: '' });
  assert.deepEqual([SRDIT_NAMESPACES, SRDIT_LEASE, SRDIT_PROBE_PORT, POD_NAMESPACE], [[], undefined, 8081, 'srdit-system']);
});

test('what the chart sets is read', () => {
  const { SRDIT_NAMESPACES, SRDIT_FORCE_AFTER_SECONDS } = environmentOf({ SRDIT_NAMESPACES: 'lab, other', SRDIT_FORCE_AFTER_SECONDS: '120' });
  assert.deepEqual([SRDIT_NAMESPACES, SRDIT_FORCE_AFTER_SECONDS], [['lab', 'other'], 120]);
});

for (const [name, value] of [['SRDIT_METRICS_PORT', 'http'], ['SRDIT_POLL_SECONDS', '0'], ['SRDIT_LOG', 'xml'], ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector']] as const) {
  test(`wrong: ${name}=${value}`, () => { assert.throws(() => environmentOf({ [name]: value }), new RegExp(`${name} is "${value}"`)); });
}
