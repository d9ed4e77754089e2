import * as z from 'zod';

/** spec.managedBy of what our operator runs; without one it does as well. */
export const MANAGED_BY = 'srdit.dev/operator';

const TEN_YEARS = 315_360_000;

/** How long a run may take and stay, and who looks after it. Both kinds have these. */
export const lifecycle = {
  noProgressSeconds: z.int().min(0).max(TEN_YEARS).optional()
    .describe('Restart the gang when no new step (or picture) comes for so long; 0 = never. Without it 10 minutes, longer where steps or checkpoints are slow. The first step of an attempt has at least 30 minutes'),
  activeDeadlineSeconds: z.int().min(1).max(TEN_YEARS).optional()
    .describe('End the run as failed after so long without a suspension, restarts included; what it has trained stays in storage. Of an evaluation of every checkpoint each round has so long'),
  ttlSecondsAfterFinished: z.int().min(0).max(TEN_YEARS).optional()
    .describe('Delete the pods of a run so long after it has ended, and with them their logs; this resource and its storage stay'),
  managedBy: z.string().min(1).max(63).optional()
    .describe(`Who looks after this resource, as DOMAIN/NAME; the operator leaves it alone unless this is ${MANAGED_BY} or absent`),
};
