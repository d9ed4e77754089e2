import type { LastWord, ProgressReport, RunConfig } from '@srdit/crds';
import type { Engine, Gang } from '../engine/types.ts';
import type { Storage } from '../storage/storage.ts';
import type { Log } from './log.ts';

/** What a run says of itself while it goes; uid, attempt and time are filled in. Undefined leaves a field as it was. */
export type Progress = Partial<Omit<ProgressReport, 'uid' | 'attempt' | 'time'>>;

/** Everything that a training or an evaluation gets from the process it runs in.
 *  The gang has been joined; rank 0 answers GET /progress. */
export interface RunContext<Config extends RunConfig = RunConfig> {
  readonly config: Config;
  readonly rank: number;
  readonly world: number;
  readonly engine: Engine;
  readonly gang: Gang;
  /** spec.storage.uri: all that the run writes. */
  readonly storage: Storage;
  /** Any other prefix: a data set, a checkpoint. Throws ExitError (64) for a uri that cannot be opened. */
  open(uri: string): Storage;
  /** Merges into the answer of GET /progress; on ranks other than 0 it does nothing. */
  report(progress: Progress): void;
  /** True once TERM or INT has come to this rank. Agree on it with the other ranks (all-reduce) before acting on it. */
  stopRequested(): boolean;
  readonly log: Log;
}

export type TrainingContext = RunContext<Extract<RunConfig, { kind: 'SRDiTTraining' }>>;
export type EvaluationContext = RunContext<Extract<RunConfig, { kind: 'SRDiTEvaluation' }>>;

/** How a run that came to its end says so (exit 0). Anything else is thrown: ExitError (64, 65, 75), PeerLostError (76). */
export type Done = Pick<LastWord, 'reason' | 'message' | 'step' | 'checkpoint' | 'result' | 'loss' | 'lossEma' | 'samples'>;
