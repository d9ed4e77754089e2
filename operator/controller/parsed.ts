import { EvaluationSpec, MANAGED_BY, TrainingSpec, formatPath, type EvaluationStatus, type TrainingStatus } from '@srdit/crds';
import type { Gang, Metadata, Status } from '../plan/types.ts';
import { trainings, type CustomObject } from './kubernetes.ts';

/** A spec that this operator cannot read: a CRD of another version let it through. */
export interface Unreadable { readonly problem: string }

/** Specs parsed once a generation: the API server has checked them, and a status changes far more often than a spec. */
export class Parsed {
  readonly #known = new Map<string, { readonly generation: number; readonly gang: Gang | Unreadable }>();

  /** The resource as the plan takes it. */
  gang(object: CustomObject): Gang | Unreadable {
    const { uid = '', generation = 1 } = object.metadata;
    const known = this.#known.get(uid);
    if (known?.generation === generation) return known.gang;
    const gang = parse(object);
    this.#known.set(uid, { generation, gang });
    return gang;
  }

  forget(uid: string): void { this.#known.delete(uid); }

  /** Specs that are remembered: for tests of memory. */
  get remembered(): number { return this.#known.size; }
}

function parse({ kind, metadata: { name = '', namespace = '', uid = '', generation = 1 }, spec }: CustomObject): Gang | Unreadable {
  const metadata: Metadata = { name, namespace, uid, generation };
  const training = kind === trainings.kind;
  const parsed = training ? TrainingSpec.safeParse(spec) : EvaluationSpec.safeParse(spec);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = formatPath(['spec', ...(issue?.path ?? []).map((part) => (typeof part === 'symbol' ? String(part) : part))]);
    return { problem: `Cannot read ${field}: ${issue?.message ?? 'it is of another version'}. Install the CustomResourceDefinitions and the operator of one release` };
  }
  return training ? { kind: 'SRDiTTraining', metadata, spec: parsed.data as TrainingSpec } : { kind: 'SRDiTEvaluation', metadata, spec: parsed.data as EvaluationSpec };
}

/** Whether another controller looks after the resource; also of a spec that cannot be read. */
export function isOthers({ spec }: CustomObject): boolean {
  const managedBy = (spec as { managedBy?: unknown } | undefined)?.managedBy;
  return managedBy !== undefined && managedBy !== MANAGED_BY;
}

/** Status as the operator itself wrote it last. */
export const statusOf = (object: CustomObject): Status | undefined =>
  object.status as (TrainingStatus & EvaluationStatus & Status) | undefined;
