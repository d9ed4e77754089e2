/** Spans and metrics over OTLP. Imported only where an endpoint is set. */
import { hostname } from 'node:os';
import { context, diag, DiagLogLevel, metrics, trace } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, resourceAttributesEnvDetector, resourceFromAttributes, serviceNameEnvDetector, type Resource } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { AlwaysOffSampler, AlwaysOnSampler, BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider, type Sampler } from '@opentelemetry/sdk-trace';
import { AsyncContextManager, exportMetrics, type Logger, type Registry } from 'kopf-ts';
import * as z from 'zod';
import type { Environment } from './environment.ts';

/** Exports from now on. Where to and with which headers, certificates and patience is read from OTEL_EXPORTER_OTLP_* by the
 *  exporters themselves. Disposing sends the rest. */
export function startTelemetry(registry: Registry, log: Logger, environment: Environment): AsyncDisposable {
  // The SDK says nothing by itself, not even that nobody answers.
  const warn = (message: string, ...more: unknown[]): void => { log.warn(`OpenTelemetry: ${[sentence(message), ...more.map(String)].join(' ')}`); };
  const quiet = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  const resource = resourceOf(environment);
  const tracing = new TracerProvider({ resource, sampler: samplerOf(environment), spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })] });
  trace.setGlobalTracerProvider(tracing);
  context.setGlobalContextManager(new AsyncContextManager());
  const metering = new MeterProvider({
    resource, readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(), exportIntervalMillis: environment.OTEL_METRIC_EXPORT_INTERVAL })],
  });
  metrics.setGlobalMeterProvider(metering);
  exportMetrics(registry);
  return {
    async [Symbol.asyncDispose]() { await Promise.allSettled([tracing.shutdown(), metering.shutdown()]); },
  };
}

const Told = z.object({ message: z.string().default(''), code: z.union([z.string(), z.number()]).optional() });
/** The SDK hands errors on as JSON, stack and all. */
function sentence(message: string): string {
  try {
    const { message: said, code } = Told.parse(JSON.parse(message));
    return [said, code !== undefined && !said.includes(String(code)) ? `(${code})` : ''].filter((part) => part !== '').join(' ') || message;
  } catch {
    return message;
  }
}

/** Who it is that sends this. Replicas differ in the name of their pod, which is its host name: their counters would be one
 *  otherwise. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win. */
function resourceOf({ POD_NAMESPACE }: Environment): Resource {
  const ours = resourceFromAttributes({ 'service.name': 'srdit-operator', 'service.instance.id': hostname(), 'k8s.namespace.name': POD_NAMESPACE });
  return ours.merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));
}

/** Nobody calls the operator, so no span has a parent elsewhere and parentbased_X is X. */
function samplerOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }: Environment): Sampler {
  switch (OTEL_TRACES_SAMPLER) {
    case 'always_on': case 'parentbased_always_on': return new AlwaysOnSampler();
    case 'always_off': case 'parentbased_always_off': return new AlwaysOffSampler();
    case 'traceidratio': case 'parentbased_traceidratio': return new TraceIdRatioBasedSampler(OTEL_TRACES_SAMPLER_ARG);
    default: return OTEL_TRACES_SAMPLER satisfies never;
  }
}
