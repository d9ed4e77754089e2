import { EvaluationSpec, TrainingSpec, type EvaluationStatus, type TrainingStatus } from '@srdit/crds';
import type { Gang, Metadata, Status } from '../plan/types.ts';
import type { CustomObject } from './kubernetes.ts';

/** Specs parsed once a generation: the API server has checked them, and a status changes far more often than a spec. */
export class Parsed {
  readonly #known = new Map<string, Gang>();

  /** The resource as the plan takes it. Throws ZodError for what a CRD of another version let through. */
  gang(object: CustomObject): Gang {
    const { name = '', namespace = '', uid = '', generation = 1 } = object.metadata;
    const known = this.#known.get(uid);
    if (known?.metadata.generation === generation) return known;
    const metadata: Metadata = { name, namespace, uid, generation };
    const gang: Gang = object.kind === 'SRDiTTraining'
      ? { kind: 'SRDiTTraining', metadata, spec: TrainingSpec.parse(object.spec) }
      : { kind: 'SRDiTEvaluation', metadata, spec: EvaluationSpec.parse(object.spec) };
    this.#known.set(uid, gang);
    return gang;
  }

  forget(uid: string): void { this.#known.delete(uid); }
}

/** Status as the operator itself wrote it last. */
export const statusOf = (object: CustomObject): Status | undefined =>
  object.status as (TrainingStatus & EvaluationStatus & Status) | undefined;
