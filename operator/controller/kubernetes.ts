/** The resources that the operator works with, and as much of their types as it looks at. */
import { API_VERSION } from '@srdit/crds';
import { resource, type KubeObject, type Resource } from 'kopf-ts';

/** A custom resource as the API server sends it: valid by its CRD, but parsed before it is believed. */
export interface CustomObject extends KubeObject { readonly spec?: unknown; readonly status?: unknown }

export interface PodCondition { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }
export interface ContainerStatus {
  readonly name: string;
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly running?: unknown;
    readonly terminated?: { readonly exitCode: number; readonly finishedAt?: string; readonly reason?: string; readonly message?: string };
  };
}
export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string; readonly reason?: string; readonly podIP?: string;
    readonly conditions?: readonly PodCondition[]; readonly containerStatuses?: readonly ContainerStatus[];
  };
}
export interface Job extends KubeObject { readonly status?: { readonly conditions?: readonly PodCondition[] } }
export interface Event extends KubeObject { readonly note?: string; readonly regarding?: { readonly uid?: string } }

export const trainings: Resource<CustomObject> = resource<CustomObject>(API_VERSION, 'SRDiTTraining', 'srdittrainings');
export const evaluations: Resource<CustomObject> = resource<CustomObject>(API_VERSION, 'SRDiTEvaluation', 'srditevaluations');
export const pods: Resource<Pod> = resource<Pod>('v1', 'Pod', 'pods');
export const jobs: Resource<Job> = resource<Job>('batch/v1', 'Job', 'jobs');
export const services: Resource = resource('v1', 'Service', 'services');
export const networkPolicies: Resource = resource('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies');
export const events: Resource<Event> = resource<Event>('events.k8s.io/v1', 'Event', 'events');

const KINDS: readonly Resource<KubeObject>[] = [trainings, evaluations, pods, jobs, services, networkPolicies];

/** The resource of a kind that the plan names. */
export function resourceOf(kind: string | undefined): Resource<KubeObject> {
  const found = KINDS.find((one) => one.kind === kind);
  if (found === undefined) throw new TypeError(`The plan names a ${kind ?? 'thing without kind'}, which the operator has no hands for`);
  return found;
}
