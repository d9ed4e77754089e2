import { z } from 'zod';
import { DEFAULT_OPTIONS } from '../plan/types.ts';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const seconds = (least: number, fallback: number) => z.coerce.number().min(least).max(86_400).default(fallback);
const list = z.string().default('').transform((text) => text.split(',').map((name) => name.trim()).filter((name) => name !== ''));

/** What the operator takes from its environment: set by the chart, by hand for development. docs/operator.md explains it. */
export const Environment = z.object({
  POD_NAMESPACE: z.string().default(DEFAULT_OPTIONS.operatorNamespace),
  /** None: all namespaces. */
  SRDIT_NAMESPACES: list,
  SRDIT_RUNTIME_IMAGE: z.string().default(DEFAULT_OPTIONS.runtimeImage),
  /** Name of the Lease in POD_NAMESPACE; none: no other replica runs. */
  SRDIT_LEASE: z.string().optional(),
  /** Folder of token and ca.crt of a service account, if not where kubelet puts them. */
  SRDIT_SERVICE_ACCOUNT: z.string().optional(),
  SRDIT_METRICS_PORT: port(8080),
  SRDIT_PROBE_PORT: port(8081),
  SRDIT_POLL_SECONDS: seconds(1, 10),
  SRDIT_FORCE_AFTER_SECONDS: seconds(0, DEFAULT_OPTIONS.forceAfterSeconds),
  SRDIT_CAUSE_WINDOW_SECONDS: seconds(0, DEFAULT_OPTIONS.causeWindowSeconds),
  SRDIT_LOG: z.enum(['json', 'text']).default('json'),
  SRDIT_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  /** Milliseconds. */
  OTEL_METRIC_EXPORT_INTERVAL: z.coerce.number().int().min(1000).max(86_400_000).default(60_000),
  OTEL_TRACES_SAMPLER: z.enum(['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio']).default('parentbased_always_on'),
  /** Share of reconciliations that are traced. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
});
export type Environment = z.infer<typeof Environment>;

/** Empty variables count as not set. Throws an Error with a sentence about the first that is wrong. */
export function environmentOf(variables: Readonly<Record<string, string | undefined>>): Environment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = Environment.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  throw new Error(`Cannot start: the environment variable ${name} is "${given[name] ?? ''}" (${issue?.message ?? 'wrong'}). Set it through the chart's values, or by hand as docs/operator.md says`);
}
