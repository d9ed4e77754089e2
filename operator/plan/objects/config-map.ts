import type { RunConfig } from '@srdit/crds';
import { checkpointUri } from '../prerequisite.ts';
import { isSeries, seriesConfig } from '../series.ts';
import type { Gang, KubernetesObject, Observed } from '../types.ts';
import { attemptLabels, attemptName, ownedMetadata } from './names.ts';

/** run.json of an attempt. */
export function runConfig(gang: Gang, observed: Observed, attempt: number): RunConfig {
  const { namespace, name, uid, generation } = gang.metadata;
  const identity = { namespace, name, uid, generation, attempt };
  if (gang.kind === 'SRDiTTraining') return { kind: gang.kind, ...identity, spec: gang.spec };
  const run = { kind: gang.kind, ...identity, spec: gang.spec, checkpointUri: checkpointUri(gang, observed) ?? '' };
  return isSeries(gang) ? { ...run, series: seriesConfig(gang, observed) } : run;
}

/** Immutable: an attempt runs what it was created with; a changed spec is for the next attempt. */
export const configMap = (gang: Gang, observed: Observed, attempt: number): KubernetesObject => ({
  apiVersion: 'v1', kind: 'ConfigMap',
  metadata: ownedMetadata(gang, attemptName(gang, attempt), attemptLabels(gang, attempt)),
  immutable: true,
  data: { 'run.json': `${JSON.stringify(runConfig(gang, observed, attempt), null, 2)}\n` },
});
