/** Kubernetes for slow tests: built if that is possible here, or why they are skipped. */
import { kubernetes } from '../../e2e/cluster/binaries.ts';
import { MissingPart } from '../../e2e/cluster/missing-part.ts';

export const available = await kubernetes().then((binary) => ({ binary, skip: false as const }), (error: unknown) => {
  if (!(error instanceof MissingPart)) throw error;
  return { binary: '', skip: error.message };
});
