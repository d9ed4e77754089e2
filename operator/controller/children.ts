import { controllerOf, type KubeObject } from 'kopf-ts';
import { GROUP } from '@srdit/crds';
import { UID_LABEL } from '../plan/objects/names.ts';

/** "namespace/kind/name" of the resource that an object was made for, by its labels: pods have no other way to say so. */
export function gangOf({ metadata: { namespace = '', labels } }: KubeObject): string {
  const kind = labels?.['app.kubernetes.io/name'] === 'srdit-training' ? 'SRDiTTraining' : 'SRDiTEvaluation';
  return `${namespace}/${kind}/${labels?.['app.kubernetes.io/instance'] ?? ''}`;
}

/** Whether an object under a name that we need is ours, is on its way out (our own, or left by a deleted resource of the same
 *  name), or is a stranger's. */
export function standingOf(object: KubeObject | undefined, uid: string | undefined): 'ours' | 'leaving' | 'taken' {
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return 'leaving';
  const owner = controllerOf(object);
  if (owner?.uid === uid) return 'ours';
  return owner?.apiVersion.startsWith(`${GROUP}/`) === true || object.metadata.labels?.[UID_LABEL] !== undefined ? 'leaving' : 'taken';
}
