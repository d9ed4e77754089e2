import type { RunConfig } from '@srdit/crds';
import { checkpointUri } from '../prerequisite.ts';
import { isSeries, seriesConfig } from '../series.ts';
import type { Gang, Observed } from '../types.ts';

/** What the runtime is told of an attempt. spec.pod is not among it: that speaks to Kubernetes alone, and has no bound. */
function runConfig(gang: Gang, observed: Observed, attempt: number): RunConfig {
  const { namespace, name, uid, generation } = gang.metadata;
  const identity = { namespace, name, uid, generation, attempt };
  if (gang.kind === 'SRDiTTraining') {
    const { pod: _pod, ...spec } = gang.spec;
    return { kind: gang.kind, ...identity, spec };
  }
  const { pod: _pod, ...spec } = gang.spec;
  const run = { kind: gang.kind, ...identity, spec, checkpointUri: checkpointUri(gang, observed) ?? '' };
  return isSeries(gang) ? { ...run, series: seriesConfig(gang, observed) } : run;
}

/** The same as an environment variable of the pods: an attempt runs what it was created with, a changed spec is for the next one. Kubernetes would
 *  replace "$(NAME)" in it, so no "$" is in it; in JSON it stands inside strings alone, where it can be written otherwise. */
export const runVariable = (gang: Gang, observed: Observed, attempt: number): string =>
  JSON.stringify(runConfig(gang, observed, attempt)).replaceAll('$', '\\u0024');
