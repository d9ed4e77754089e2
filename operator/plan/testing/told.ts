import { RunConfig } from '@srdit/crds';
import type { PodTemplate } from '../objects/pod-overrides.ts';

/** What the pods of a Job are told of their attempt, as the runtime reads it. */
export function toldBy(job: object | undefined): RunConfig {
  const { spec: { template } } = job as { readonly spec: { readonly template: PodTemplate } };
  return RunConfig.parse(JSON.parse(template.spec.containers[0].env.find(({ name }) => name === 'SRDIT_RUN')?.value ?? ''));
}
