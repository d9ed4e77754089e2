#!/usr/bin/env node
/** srdit-operator: reconciles SRDiTTraining and SRDiTEvaluation. What it takes from the environment: environment.ts, docs/operator.md. */
import { createLogger, Operator, runProcess, serveProbes } from 'kopf-ts';
import { DEFAULT_OPTIONS } from '../plan/types.ts';
import { environmentOf, usage, type Environment } from './environment.ts';
import { addGangs } from './gangs.ts';

async function main(environment: Environment): Promise<void> {
  const { POD_NAMESPACE: namespace, SRDIT_NAMESPACES: namespaces, SRDIT_LEASE: lease } = environment;
  const operator = await Operator.connect({
    name: 'srdit-operator',
    log: createLogger({ format: environment.SRDIT_LOG, level: environment.SRDIT_LOG_LEVEL }),
    ...(namespaces.length > 0 && { namespaces }),
    leaderElection: lease === undefined ? false : { namespace, name: lease },
    http: { port: environment.SRDIT_PROBE_PORT },
    serviceAccount: environment.SRDIT_SERVICE_ACCOUNT,
  });
  addGangs(operator, {
    plan: {
      ...DEFAULT_OPTIONS, runtimeImage: environment.SRDIT_RUNTIME_IMAGE, operatorNamespace: namespace,
      forceAfterSeconds: environment.SRDIT_FORCE_AFTER_SECONDS, causeWindowSeconds: environment.SRDIT_CAUSE_WINDOW_SECONDS,
    },
    pollEvery: environment.SRDIT_POLL_SECONDS * 1000,
  });
  await using _telemetry = environment.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : (await import('./telemetry.ts')).startTelemetry(operator.metrics.registry, operator.log, environment);
  // A port of its own, so that who may scrape need not be who may probe.
  await using _metrics = await serveProbes({ healthy: () => undefined, ready: () => undefined, metrics: () => operator.metrics.registry.text() }, { port: environment.SRDIT_METRICS_PORT });
  await runProcess(operator);
}

try {
  const [argument] = process.argv.slice(2);
  if (argument === '--help' || argument === '-h') process.stdout.write(usage());
  else if (argument !== undefined) throw new Error(`Cannot start with "${argument}": it takes no arguments. Set environment variables; --help lists them`);
  else await main(environmentOf(process.env));
} catch (error) {
  process.stderr.write(`srdit-operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// Idle connections would keep the process for a while.
process.exit();
