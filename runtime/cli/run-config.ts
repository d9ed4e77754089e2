import { readFile } from 'node:fs/promises';
import { RunConfig } from '@srdit/crds';
import { wrongConfiguration } from './exit.ts';

/** Reads run.json. Throws ExitError (64) that names the field. */
export async function readRunConfig(path: string): Promise<RunConfig> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw wrongConfiguration('WrongRunConfig', `Cannot read run.json: "${path}" is ${(cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'not JSON'}. Set SRDIT_RUN to the file that the plan made`, cause);
  }
  const parsed = RunConfig.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw wrongConfiguration('WrongRunConfig', `Cannot use run.json: "${issue?.path.join('.') ?? ''}" is wrong (${issue?.message ?? 'unknown'}). Use a runtime and an operator of the same version`, parsed.error);
}

/** Ranks of the whole gang. */
export const worldOf = (config: RunConfig): number => config.spec.gang.workers * config.spec.gang.ranksPerWorker;
