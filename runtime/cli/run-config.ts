import { RunConfig } from '@srdit/crds';
import { wrongConfiguration } from './exit.ts';

/** Parses what SRDIT_RUN says. Throws ExitError (64) that names the field. */
export function parseRunConfig(text: string): RunConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw wrongConfiguration('WrongRunConfig', 'Cannot use SRDIT_RUN: it is not JSON. Start the runtime through `srdit run` or a Job of the operator, which set it', cause);
  }
  const parsed = RunConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw wrongConfiguration('WrongRunConfig', `Cannot use SRDIT_RUN: "${issue?.path.join('.') ?? ''}" is wrong (${issue?.message ?? 'unknown'}). Use a runtime and an operator of the same version`, parsed.error);
}

/** Ranks of the whole gang. */
export const worldOf = (config: RunConfig): number => config.spec.gang.workers * config.spec.gang.ranksPerWorker;
