import * as z from 'zod';
import { DEFAULT_OPTIONS } from '../plan/types.ts';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const seconds = (least: number, fallback: number) => z.coerce.number().min(least).max(86_400).default(fallback);
const list = z.string().default('').transform((text) => text.split(',').map((name) => name.trim()).filter((name) => name !== ''));

/** What the operator takes from its environment: set by the chart, by hand for development. docs/operator.md explains it. */
export const Environment = z.object({
  POD_NAMESPACE: z.string().default(DEFAULT_OPTIONS.operatorNamespace).describe('namespace that it runs in'),
  SRDIT_NAMESPACES: list.describe('comma-separated; none: all namespaces'),
  SRDIT_RUNTIME_IMAGE: z.string().default(DEFAULT_OPTIONS.runtimeImage).describe('image of resources that name none'),
  SRDIT_LEASE: z.string().optional().describe('name of the Lease in POD_NAMESPACE; none: no other replica runs'),
  SRDIT_SERVICE_ACCOUNT: z.string().optional().describe('folder of token and ca.crt of a service account, if not where kubelet puts them'),
  SRDIT_METRICS_PORT: port(8080).describe('/metrics'),
  SRDIT_PROBE_PORT: port(8081).describe('/healthz, /readyz'),
  SRDIT_POLL_SECONDS: seconds(1, 10).describe('between two questions to a rank 0'),
  SRDIT_FORCE_AFTER_SECONDS: seconds(0, DEFAULT_OPTIONS.forceAfterSeconds).describe('how long past their grace period pods of a lost gang are waited for'),
  SRDIT_CAUSE_WINDOW_SECONDS: seconds(0, DEFAULT_OPTIONS.causeWindowSeconds).describe('how long after a crash its cause may still show'),
  SRDIT_LOG: z.enum(['json', 'text']).default('json').describe('json or text'),
  SRDIT_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('debug, info, warn or error'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional().describe('where metrics and spans go; none: nowhere'),
  OTEL_METRIC_EXPORT_INTERVAL: z.coerce.number().int().min(1000).max(86_400_000).default(60_000).describe('milliseconds'),
  OTEL_TRACES_SAMPLER: z.enum(['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio']).default('parentbased_always_on').describe('which reconciliations are traced'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1).describe('share of them, for the samplers by ratio'),
});
export type Environment = z.infer<typeof Environment>;

/** What --help prints. */
export function usage(): string {
  const rows = Object.entries(Environment.shape).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined).data ?? [];
    return `  ${name.padEnd(28)} ${schema.description ?? ''}${Array.isArray(fallback) ? '' : ` (default ${fallback})`}`;
  });
  return ['Usage: srdit-operator', '', 'Makes the cluster look as SRDiTTraining and SRDiTEvaluation say. It takes no arguments; its settings come from the environment:', '', ...rows, '',
    'In a pod it finds the API server by its service account, elsewhere through KUBECONFIG. docs/operator.md says more.', ''].join('\n');
}

/** Empty variables count as not set. Throws an Error with a sentence about the first that is wrong. */
export function environmentOf(variables: Readonly<Record<string, string | undefined>>): Environment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = Environment.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  throw new Error(`Cannot start: the environment variable ${name} is "${given[name] ?? ''}" (${issue?.message ?? 'wrong'}). Set it through the chart's values, or by hand as docs/operator.md says`);
}
