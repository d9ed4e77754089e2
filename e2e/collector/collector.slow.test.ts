/** The operator's OTLP as the OpenTelemetry Collector itself understands it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { OtlpReceiver } from '@srdit/operator/controller/testing/otlp.ts';
import { tellsOfItsLife } from '@srdit/operator/controller/testing/telemetry.ts';
import { freePort } from '@srdit/runtime/free-ports.ts';
import { madeOrMissing } from '../cluster/missing-part.ts';
import { collector } from './build.ts';

const { made = '', missing } = await madeOrMissing(collector());

test('a collector takes every span and metric of the operator', { skip: missing ?? false }, async () => {
  await using receiver = await OtlpReceiver.start();
  const port = await freePort();
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { otlphttp: { endpoint: receiver.url, encoding: 'json', compression: 'none' } },
    service: {
      pipelines: { traces: { receivers: ['otlp'], exporters: ['otlphttp'] }, metrics: { receivers: ['otlp'], exporters: ['otlphttp'] } },
      telemetry: { metrics: { level: 'none' } },
    },
  };
  const child = spawn(made, [`--config=yaml:${JSON.stringify(config)}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said += text; });
  const ended = once(child, 'exit');
  try {
    while (!await listens(port)) {
      assert.equal(child.exitCode, null, said);
      await sleep(50);
    }
    await tellsOfItsLife(`http://127.0.0.1:${port}`, receiver);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  assert.doesNotMatch(said, /\b(error|warn)\b/);
});

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).once('error', () => { resolve(false); });
  });
}
