/** A resource for the tests of this package: a room with chairs, and how many of them are set up. */
import type { KubeObject } from '../api/objects.ts';
import { resource } from '../api/resource.ts';

export interface Room extends KubeObject {
  spec?: { chairs?: number; tables?: number; colour?: string; notes?: string[] };
  status?: { chairs?: number; observedGeneration?: number; conditions?: { type: string; status: string; reason?: string }[] };
}

export const rooms = resource<Room>('kopf-ts.dev/v1', 'Room', 'rooms');

export const room = (name: string, spec: Room['spec'] = { chairs: 1 }, metadata: Partial<KubeObject['metadata']> = {}): Room =>
  ({ metadata: { name, namespace: 'default', ...metadata }, ...(spec === undefined ? {} : { spec }) });
