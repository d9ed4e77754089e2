import { API_VERSION, GROUP } from '@srdit/crds';
import type { Gang, KubernetesObject } from '../types.ts';

/** Port of a worker's first rank; local rank r listens on GANG_PORT + r. */
export const GANG_PORT = 7470;
/** Port of GET /progress, /metrics and /healthz on rank 0. */
export const HTTP_PORT = 8080;

/** A training and an evaluation of one name must not meet. The longest, name-train-NNNN-WWWW, stays below 63. */
export const serviceName = (gang: Gang): string => `${gang.metadata.name}-${gang.kind === 'SRDiTTraining' ? 'train' : 'eval'}`;
/** Name of the Job of an attempt: a function of (resource, attempt), so that creating twice is creating once. */
export const attemptName = (gang: Gang, attempt: number): string => `${serviceName(gang)}-${attempt}`;

/** Labels of all objects of a gang; they select its pods. */
export const gangLabels = (gang: Gang): Record<string, string> => ({
  'app.kubernetes.io/name': gang.kind === 'SRDiTTraining' ? 'srdit-training' : 'srdit-evaluation',
  'app.kubernetes.io/instance': gang.metadata.name,
  'app.kubernetes.io/managed-by': 'srdit',
});

export const ATTEMPT_LABEL = `${GROUP}/attempt`;
/** Whose attempt it is: one of a resource of the same name that was deleted is not ours. */
export const UID_LABEL = `${GROUP}/uid`;
export const attemptLabels = (gang: Gang, attempt: number): Record<string, string> => ({
  ...gangLabels(gang), [ATTEMPT_LABEL]: String(attempt), ...(gang.metadata.uid === '' ? {} : { [UID_LABEL]: gang.metadata.uid }),
});

/** The resource owns what is made for it: deleted with it, and its changes wake the operator. A rendered YAML that was
 *  never applied has no uid, hence nothing to own with. */
export const ownedMetadata = (gang: Gang, name: string, labels: Record<string, string>): KubernetesObject['metadata'] => ({
  name, namespace: gang.metadata.namespace, labels,
  ...(gang.metadata.uid === '' ? {} : {
    ownerReferences: [{ apiVersion: API_VERSION, kind: gang.kind, name: gang.metadata.name, uid: gang.metadata.uid, controller: true, blockOwnerDeletion: true }],
  }),
});

/** host:port of every rank, rank = worker x ranksPerWorker + local rank. Pods of an Indexed Job have the host name job-index. */
export function addresses(gang: Gang, attempt: number): string[] {
  const { workers, ranksPerWorker } = gang.spec.gang;
  const domain = `${serviceName(gang)}.${gang.metadata.namespace}.svc`;
  return Array.from({ length: workers * ranksPerWorker }, (_, rank) =>
    `${attemptName(gang, attempt)}-${Math.floor(rank / ranksPerWorker)}.${domain}:${GANG_PORT + (rank % ranksPerWorker)}`);
}
