import type { EvaluationSpec, EvaluationStatus, LastWord, ProgressReport, TrainingSpec, TrainingStatus } from '@srdit/crds';

/** What of metadata the plan needs. uid and generation come from the API server, or from the local executor. */
export interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
}

export interface Training { readonly kind: 'SRDiTTraining'; readonly metadata: Metadata; readonly spec: TrainingSpec }
export interface Evaluation { readonly kind: 'SRDiTEvaluation'; readonly metadata: Metadata; readonly spec: EvaluationSpec }
/** A resource whose gang is planned here, parsed and with its defaults filled in. */
export type Gang = Training | Evaluation;

/** Progress of either kind: step for a training, pictures for an evaluation. */
export type Progress = Partial<NonNullable<TrainingStatus['progress']> & NonNullable<EvaluationStatus['progress']>>;
/** Status of either kind. */
export interface Status extends Omit<TrainingStatus, 'progress'>, Pick<EvaluationStatus, 'results' | 'series'> { progress?: Progress | undefined }

export interface Waiting { readonly reason: string; readonly message: string }

export interface ObservedPod {
  readonly name: string;
  readonly attempt: number;
  /** Index of the worker in the gang (Job completion index). */
  readonly worker: number;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  /** Exit code of the runtime container; 128 + signal if a signal ended it. */
  readonly exitCode?: number;
  /** When the container ended. */
  readonly endTime?: string;
  /** Parsed termination message. */
  readonly lastWord?: LastWord;
  /** Why Kubernetes ended it (`DisruptionTarget`, `Evicted`, `Preempting`, `NodeLost`, `OOMKilled` ...). */
  readonly reason?: string;
  /** Why it does not run yet, in Kubernetes' words (`Unschedulable`, `ImagePullBackOff`, `CreateContainerConfigError`). */
  readonly waiting?: Waiting;
  /** End of its grace period (metadata.deletionTimestamp) if it was told to go. */
  readonly deletionTime?: string;
}

export interface ObservedJob {
  readonly name: string;
  readonly attempt: number;
  readonly uid?: string;
  readonly deletionTime?: string;
  /** Reason of the Job's condition Failed or FailureTarget, which outlives a pod that somebody removed. */
  readonly failed?: string;
  /** Why it has no pods yet (a quota, an admission plugin). */
  readonly waiting?: Waiting;
}

/** The state of the world that matters to one gang, at one moment. */
export interface Observed {
  /** ISO time; the plan has no clock of its own. */
  readonly now: string;
  /** Status as last written. */
  readonly status?: Status;
  /** Why objects of the present attempt could not be created, in the words of whoever refused them. */
  readonly refused?: Waiting;
  readonly jobs: readonly ObservedJob[];
  readonly pods: readonly ObservedPod[];
  /** Answer of GET /progress of rank 0; untrusted, but parsed. */
  readonly progress?: ProgressReport;
  /** Somebody asks the run to stop though spec.suspend is false (Ctrl-C on a laptop): the sentence for the condition. */
  readonly stop?: string;
  /** ISO time since when the hands have looked without a gap. What came or did not come before (the operator was away, the
   *  laptop slept) is not held against the run. */
  readonly watchedSince?: string;
  /** For an evaluation: the training it names; null if there is no such training. */
  readonly training?: { readonly status?: Status | undefined; readonly spec?: Pick<TrainingSpec, 'steps' | 'checkpoints'> | undefined } | null;
}

export interface PlanOptions {
  /** Image of a resource that names none. */
  readonly runtimeImage: string;
  /** How long after a loss its cause (eviction, lost node) may still show. */
  readonly causeWindowSeconds: number;
  /** How long past their grace period old pods are waited for before they are deleted by force. */
  readonly forceAfterSeconds: number;
  /** Namespace of the operator, which may ask rank 0 for its progress. */
  readonly operatorNamespace: string;
}

export const DEFAULT_OPTIONS: PlanOptions = {
  runtimeImage: 'srdit-runtime:0.1.0', causeWindowSeconds: 5, forceAfterSeconds: 60, operatorNamespace: 'srdit-system',
};

/** A plain Kubernetes object, ready for server-side apply or YAML. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string; readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>; readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface Deletion {
  readonly kind: 'Job' | 'Pod';
  readonly name: string;
  /** Precondition: the object we saw, not a later one of the same name. */
  readonly uid?: string;
  /** The grace period is over and the kubelet does not answer: remove the object itself. */
  readonly force?: boolean;
}

/** Hands write `status` first, then delete, then apply: a crash in between can be planned again. */
export interface Plan {
  readonly status: Status;
  readonly deletes: readonly Deletion[];
  readonly objects: readonly KubernetesObject[];
  /** ISO time at which to plan again even if nothing happens. */
  readonly wakeAt?: string;
}
