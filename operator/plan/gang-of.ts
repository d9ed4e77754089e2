import type { Resource } from '@srdit/crds';
import type { Gang } from './types.ts';

/** A parsed resource as the plan takes it. A YAML that was never applied has no uid and generation yet. */
export function gangOf(resource: Resource, identity?: { readonly uid?: string; readonly generation?: number }): Gang {
  const { name, namespace = 'default', uid = '', generation = 1 } = resource.metadata;
  const metadata = { name, namespace, uid: identity?.uid ?? uid, generation: identity?.generation ?? generation };
  return resource.kind === 'SRDiTTraining' ? { kind: resource.kind, metadata, spec: resource.spec } : { kind: resource.kind, metadata, spec: resource.spec };
}
