import { MANAGED_BY } from '@srdit/crds';
import type { Gang } from './types.ts';

/** Whether our operator looks after the resource, or another controller that spec.managedBy names (MultiKueue, for example). */
export const isOurs = (gang: Pick<Gang, 'spec'>): boolean => (gang.spec.managedBy ?? MANAGED_BY) === MANAGED_BY;
