/** Spans and metrics over OTLP. Imported only where an endpoint is set. */
import { context, metrics, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { AsyncContextManager, exportMetrics, type Registry } from 'kopf-ts';

/** Exports from now on. The endpoint and whatever else OTEL_* says is read by the exporters themselves. Disposing sends the rest. */
export function startTelemetry(registry: Registry): AsyncDisposable {
  const tracing = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })] });
  trace.setGlobalTracerProvider(tracing);
  context.setGlobalContextManager(new AsyncContextManager());
  const metering = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })] });
  metrics.setGlobalMeterProvider(metering);
  exportMetrics(registry);
  return {
    async [Symbol.asyncDispose]() { await Promise.allSettled([tracing.shutdown(), metering.shutdown()]); },
  };
}
