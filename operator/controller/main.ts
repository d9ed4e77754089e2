#!/usr/bin/env node
/** srdit-operator: reconciles SRDiTTraining and SRDiTEvaluation. Environment: what the chart sets, see docs/operator.md. */
import { z } from 'zod';
import { Operator, runProcess } from 'kopf-ts';
import { DEFAULT_OPTIONS } from '../plan/types.ts';
import { addGangs } from './gangs.ts';

const Environment = z.object({
  SRDIT_RUNTIME_IMAGE: z.string().min(1).default(DEFAULT_OPTIONS.runtimeImage),
  SRDIT_OPERATOR_NAMESPACE: z.string().min(1).default(DEFAULT_OPTIONS.operatorNamespace),
  /** Comma-separated; empty: all. */
  SRDIT_NAMESPACES: z.string().default('').transform((list) => list.split(',').map((name) => name.trim()).filter((name) => name !== '')),
  SRDIT_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  SRDIT_LEADER_ELECTION: z.enum(['true', 'false']).default('true'),
  SRDIT_POLL_SECONDS: z.coerce.number().min(1).max(3600).default(10),
  SRDIT_FORCE_AFTER_SECONDS: z.coerce.number().min(0).max(86_400).default(DEFAULT_OPTIONS.forceAfterSeconds),
  SRDIT_CAUSE_WINDOW_SECONDS: z.coerce.number().min(0).max(3600).default(DEFAULT_OPTIONS.causeWindowSeconds),
});

const parsed = Environment.safeParse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== '')));
if (!parsed.success) {
  const [issue] = parsed.error.issues;
  process.stderr.write(`srdit-operator: cannot start: the environment variable ${String(issue?.path[0])} is wrong (${issue?.message ?? 'unknown'}). Set it through the chart's values\n`);
  process.exit(64);
}
const environment = parsed.data;
const operator = await Operator.connect({
  name: 'srdit-operator',
  ...(environment.SRDIT_NAMESPACES.length > 0 && { namespaces: environment.SRDIT_NAMESPACES }),
  ...(environment.SRDIT_LEADER_ELECTION === 'false' ? { leaderElection: false as const } : { leaderElection: { namespace: environment.SRDIT_OPERATOR_NAMESPACE } }),
  http: { port: environment.SRDIT_HTTP_PORT },
});
addGangs(operator, {
  plan: {
    ...DEFAULT_OPTIONS, runtimeImage: environment.SRDIT_RUNTIME_IMAGE, operatorNamespace: environment.SRDIT_OPERATOR_NAMESPACE,
    forceAfterSeconds: environment.SRDIT_FORCE_AFTER_SECONDS, causeWindowSeconds: environment.SRDIT_CAUSE_WINDOW_SECONDS,
  },
  pollEvery: environment.SRDIT_POLL_SECONDS * 1000,
});
await runProcess(operator);
process.exit();
