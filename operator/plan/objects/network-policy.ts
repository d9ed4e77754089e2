import type { Gang, KubernetesObject, PlanOptions } from '../types.ts';
import { gangLabels, GANG_PORT, HTTP_PORT, ownedMetadata, serviceName } from './names.ts';

/** TensorFlow's gRPC server has no authentication: only the gang's own pods may reach it, and the operator (or whoever
 *  scrapes metrics in its namespace) the HTTP port. */
export const networkPolicy = (gang: Gang, options: PlanOptions): KubernetesObject => ({
  apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy',
  metadata: ownedMetadata(gang, serviceName(gang), gangLabels(gang)),
  spec: {
    podSelector: { matchLabels: gangLabels(gang) },
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: gangLabels(gang) } }],
        // TensorFlow's ring opens no other ports; NCCL chooses its own, so the gang may speak freely within.
        ...(gang.spec.gang.gpu.perRank > 0 ? {} : { ports: [{ protocol: 'TCP', port: GANG_PORT, endPort: GANG_PORT + gang.spec.gang.ranksPerWorker - 1 }] }),
      },
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': options.operatorNamespace } } }],
        ports: [{ protocol: 'TCP', port: HTTP_PORT }],
      },
    ],
  },
});
