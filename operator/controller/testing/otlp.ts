/** The other end of OTLP over HTTP, in JSON: what an OpenTelemetry Collector would understand of what is sent to it. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as z from 'zod';

const Value = z.object({ stringValue: z.string() }).or(z.record(z.string(), z.unknown()));
const Attributes = z.array(z.object({ key: z.string(), value: Value })).default([]).transform((all) =>
  Object.fromEntries(all.map(({ key, value }) => [key, 'stringValue' in value ? String(value.stringValue) : JSON.stringify(value)])));
/** An id is hex in JSON, and empty or missing where there is none. */
const Span = z.object({
  name: z.string(), traceId: z.string().length(32), spanId: z.string().length(16), parentSpanId: z.string().default(''), attributes: Attributes,
});
const point = { attributes: Attributes };
const Numbers = z.object({ dataPoints: z.array(z.object({ ...point, asDouble: z.number().optional(), asInt: z.coerce.number().optional() })) });
const Histograms = z.object({
  dataPoints: z.array(z.object({ ...point, count: z.coerce.number(), bucketCounts: z.array(z.coerce.number()), explicitBounds: z.array(z.number()) })),
});
/** 2: cumulative, as Prometheus counts. */
const Temporality = z.object({ aggregationTemporality: z.literal(2) });
const Metric = z.object({
  name: z.string(), gauge: Numbers.optional(), sum: Numbers.extend({ ...Temporality.shape, isMonotonic: z.literal(true) }).optional(), histogram: Histograms.extend(Temporality.shape).optional(),
});
const resource = { resource: z.object({ attributes: Attributes }) };
const Traces = z.object({ resourceSpans: z.array(z.object({ ...resource, scopeSpans: z.array(z.object({ spans: z.array(Span) })) })) });
const Metrics = z.object({ resourceMetrics: z.array(z.object({ ...resource, scopeMetrics: z.array(z.object({ metrics: z.array(Metric) })) })) });

export type OtlpSpan = z.infer<typeof Span>;
export type OtlpMetric = z.infer<typeof Metric>;

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: OtlpSpan[] = [];
  /** By name, as they came last. */
  readonly metrics = new Map<string, OtlpMetric>();
  /** Attributes of those who sent, each once. */
  readonly senders: Record<string, string>[] = [];
  /** What could not be understood. */
  readonly errors: unknown[] = [];
  readonly #server = createServer((request, response) => {
    this.#take(request).catch((error: unknown) => { this.errors.push(error); }).finally(() => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await new Promise<void>((resolve) => { receiver.#server.listen(0, '127.0.0.1', resolve); });
    return receiver;
  }

  get url(): string { return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; }

  async #take(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    switch (request.url) {
      case '/v1/traces':
        for (const { resource: { attributes }, scopeSpans } of Traces.parse(body).resourceSpans) {
          this.#sender(attributes);
          this.spans.push(...scopeSpans.flatMap(({ spans }) => spans));
        }
        break;
      case '/v1/metrics':
        for (const { resource: { attributes }, scopeMetrics } of Metrics.parse(body).resourceMetrics) {
          this.#sender(attributes);
          for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) this.metrics.set(metric.name, metric);
        }
        break;
      default: throw new Error(`Nothing is to be sent to "${request.url ?? ''}"`);
    }
  }

  #sender(attributes: Record<string, string>): void {
    if (!this.senders.some((known) => JSON.stringify(known) === JSON.stringify(attributes))) this.senders.push(attributes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => { this.#server.close(resolve); });
  }
}
