import type { PodSpec } from '@srdit/crds';
import { defined } from '../defined.ts';

/** A container and a pod template as far as the plan sets them. */
export interface Container {
  readonly name: string; readonly image: string; readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: Record<string, unknown> }[];
  readonly resources: { readonly limits: Record<string, string | number>; readonly requests?: Record<string, string | number> };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly [field: string]: unknown;
}
export interface PodTemplate {
  readonly metadata: { readonly labels: Record<string, string>; readonly annotations?: Record<string, string> };
  readonly spec: {
    readonly containers: readonly [Container];
    readonly volumes: readonly { readonly name: string; readonly [source: string]: unknown }[];
    readonly terminationGracePeriodSeconds: number;
    readonly [field: string]: unknown;
  };
}

/** Merges spec.pod into the template. The rule: maps are joined and lists are appended, the plan's entries win over
 *  entries of the same key (label, variable, volume, mount path, GPU resource), single values are taken from spec.pod.
 *  Whatever keeps the pod restricted (security context, token, restart policy, command) is not in spec.pod at all. */
export function withOverrides(template: PodTemplate, pod: PodSpec | undefined): PodTemplate {
  if (pod === undefined) return template;
  const [container] = template.spec.containers;
  const { labels, annotations, resources, env, volumes, volumeMounts, terminationGracePeriodSeconds, ...single } = pod;
  const taken = <T>(theirs: readonly T[] | undefined, ours: readonly T[], key: (item: T) => string): T[] => {
    const keys = new Set(ours.map(key));
    return [...ours, ...(theirs ?? []).filter((item) => !keys.has(key(item)))];
  };
  const merged = {
    ...container,
    env: taken(env, container.env as NonNullable<typeof env>, (item) => item.name),
    volumeMounts: taken(volumeMounts, container.volumeMounts as NonNullable<typeof volumeMounts>, (item) => item.mountPath),
    resources: defined({
      limits: { ...resources?.limits, ...container.resources.limits },
      requests: resources?.requests ?? container.resources.requests,
    }),
  } as Container;
  const podAnnotations = annotations ?? template.metadata.annotations;
  return {
    metadata: { labels: { ...labels, ...template.metadata.labels }, ...(podAnnotations === undefined ? {} : { annotations: podAnnotations }) },
    spec: {
      ...template.spec, ...defined(single), containers: [merged],
      volumes: taken(volumes as PodTemplate['spec']['volumes'] | undefined, template.spec.volumes, (item) => item.name),
      terminationGracePeriodSeconds: terminationGracePeriodSeconds ?? template.spec.terminationGracePeriodSeconds,
    },
  };
}
