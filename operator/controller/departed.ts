import { ATTEMPT_LABEL, UID_LABEL } from '../plan/objects/names.ts';
import type { ObservedPod } from '../plan/types.ts';
import type { Pod } from './kubernetes.ts';
import { observedPod } from './observe.ts';

/** How pods ended whose objects went before anybody looked: a pod that is told to go may write its last word and be gone a
 *  moment later, and the watch shows both at once. Kept for the present attempt of each resource and the one before, whose end may
 *  show only now that its node was lost. */
export class Departed {
  /** By uid of the resource, then by name of the pod. */
  readonly #ended = new Map<string, Map<string, ObservedPod>>();

  /** A pod that has been deleted, in its last state. One that had not ended says nothing. */
  add(pod: Pod): void {
    const uid = pod.metadata.labels?.[UID_LABEL];
    if (uid === undefined || pod.metadata.labels?.[ATTEMPT_LABEL] === undefined) return;
    const seen = observedPod(pod, uid);
    if (seen.phase !== 'Failed' && seen.phase !== 'Succeeded') return;
    const ended = this.#ended.get(uid) ?? new Map<string, ObservedPod>();
    this.#ended.set(uid, ended.set(seen.name, seen));
  }

  /** Those of this attempt and the one before that are not among the present ones; older ones are forgotten. */
  of(uid: string, attempt: number, present: readonly ObservedPod[]): ObservedPod[] {
    const ended = this.#ended.get(uid);
    if (ended === undefined) return [];
    for (const pod of ended.values()) if (pod.attempt < attempt - 1) ended.delete(pod.name);
    if (ended.size === 0) this.#ended.delete(uid);
    const names = new Set(present.map(({ name }) => name));
    return [...ended.values()].filter((pod) => pod.attempt <= attempt && !names.has(pod.name));
  }

  forget(uid: string): void { this.#ended.delete(uid); }

  get remembered(): number { return this.#ended.size; }
}
