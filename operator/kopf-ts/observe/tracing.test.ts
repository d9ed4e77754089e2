import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanStatusCode, context, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { AsyncContextManager } from './async-context.ts';
import { nullLogger } from './log.ts';
import { Operator } from '../process/operator.ts';
import type { Room } from '../testing/rooms.ts';
import { room, rooms } from '../testing/rooms.ts';
import { settled, simulate } from '../testing/simulation.ts';

test('a reconciliation is a span, its requests are children, its failure is its status', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncContextManager());
  const { clock, server, client } = simulate();
  const operator = new Operator(client, { name: 'hotel', leaderElection: false, log: nullLogger });
  operator.controller<Room>({
    name: 'room', resource: rooms,
    async reconcile(key, { object, write }) {
      if (key.endsWith('bad')) throw new Error('no such colour');
      if (object !== undefined) await write.applyStatus(rooms, object, { chairs: 1 });
    },
  });
  server.create(rooms, room('good'));
  server.create(rooms, room('bad'));
  const stop = new AbortController();
  const ended = operator.run(stop.signal);
  await clock.advance(1);
  stop.abort();
  await settled(clock, ended);
  const spans = exporter.getFinishedSpans();
  const of = (key: string) => spans.find(({ name, attributes }) => name === 'reconcile room' && attributes['k8s.object.key'] === key);
  const patch = spans.find(({ name }) => name === 'PATCH');
  assert.equal(patch?.parentSpanContext?.spanId, of('default/good')?.spanContext().spanId);
  assert.equal(patch?.attributes['url.path'], '/apis/kopf-ts.dev/v1/namespaces/default/rooms/good/status');
  assert.equal(of('default/bad')?.status.code, SpanStatusCode.ERROR);
  assert.equal(of('default/bad')?.events[0]?.name, 'exception');
});
