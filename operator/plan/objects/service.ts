import type { Gang, KubernetesObject } from '../types.ts';
import { GANG_PORT, gangLabels, HTTP_PORT, ownedMetadata, serviceName } from './names.ts';

/** Headless Service: gives every pod of the gang a name. Ranks look for one another before they are ready, so names of
 *  unready pods are published. */
export const service = (gang: Gang): KubernetesObject => ({
  apiVersion: 'v1', kind: 'Service',
  metadata: ownedMetadata(gang, serviceName(gang), gangLabels(gang)),
  spec: {
    clusterIP: 'None', publishNotReadyAddresses: true, selector: gangLabels(gang),
    ports: [{ name: 'gang', port: GANG_PORT, protocol: 'TCP' }, { name: 'http', port: HTTP_PORT, protocol: 'TCP' }],
  },
});
