import type { OptimizerSpec } from '@srdit/crds';

/** Learning rate of optimizer step k = 1 .. steps: rises linearly over the first warmupSteps, falls linearly over the last
 *  decaySteps (the last step still moves), constant in between. The reference has neither. */
export function learningRate(spec: Pick<OptimizerSpec, 'learningRate' | 'warmupSteps' | 'decaySteps'>, k: number, steps: number): number {
  const rise = spec.warmupSteps === 0 ? 1 : Math.min(1, k / spec.warmupSteps);
  const fall = spec.decaySteps === 0 ? 1 : Math.min(1, Math.max(0, steps - k + 1) / spec.decaySteps);
  return spec.learningRate * rise * fall;
}
